import { bytes, int64, message, repeated, service, string, unary } from '#grpc';

// What a client knows of registries (`moby.filesync.v1.Auth`).

const credentialsRequest = message({
  host: string(1),
});

const credentialsResponse = message({
  username: string(1),
  secret: string(2),
});

const fetchTokenRequest = message({
  clientId: string(1),
  host: string(2),
  realm: string(3),
  service: string(4),
  scopes: repeated(string(5)),
});

const fetchTokenResponse = message({
  token: string(1),
  expiresIn: int64(2),
  issuedAt: int64(3),
});

const getTokenAuthorityRequest = message({
  host: string(1),
  salt: bytes(2),
});

const getTokenAuthorityResponse = message({
  publicKey: bytes(1),
});

const verifyTokenAuthorityRequest = message({
  host: string(1),
  payload: bytes(2),
  salt: bytes(3),
});

const verifyTokenAuthorityResponse = message({
  signed: bytes(1),
});

export const authService = service('moby.filesync.v1.Auth', {
  Credentials: unary(credentialsRequest, credentialsResponse),
  FetchToken: unary(fetchTokenRequest, fetchTokenResponse),
  GetTokenAuthority: unary(getTokenAuthorityRequest, getTokenAuthorityResponse),
  VerifyTokenAuthority: unary(verifyTokenAuthorityRequest, verifyTokenAuthorityResponse),
});
