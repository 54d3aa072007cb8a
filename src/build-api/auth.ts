import { bytes, int64, message, type Read, repeated, service, string, unary } from '#grpc';

// What a client knows of registries (`moby.filesync.v1.Auth`).

export const credentialsRequest = message({
  host: string(1),
});
export type CredentialsRequest = Read<typeof credentialsRequest>;

export const credentialsResponse = message({
  username: string(1),
  secret: string(2),
});
export type CredentialsResponse = Read<typeof credentialsResponse>;

export const fetchTokenRequest = message({
  clientId: string(1),
  host: string(2),
  realm: string(3),
  service: string(4),
  scopes: repeated(string(5)),
});
export type FetchTokenRequest = Read<typeof fetchTokenRequest>;

export const fetchTokenResponse = message({
  token: string(1),
  expiresIn: int64(2),
  issuedAt: int64(3),
});
export type FetchTokenResponse = Read<typeof fetchTokenResponse>;

export const getTokenAuthorityRequest = message({
  host: string(1),
  salt: bytes(2),
});
export type GetTokenAuthorityRequest = Read<typeof getTokenAuthorityRequest>;

export const getTokenAuthorityResponse = message({
  publicKey: bytes(1),
});
export type GetTokenAuthorityResponse = Read<typeof getTokenAuthorityResponse>;

export const verifyTokenAuthorityRequest = message({
  host: string(1),
  payload: bytes(2),
  salt: bytes(3),
});
export type VerifyTokenAuthorityRequest = Read<typeof verifyTokenAuthorityRequest>;

export const verifyTokenAuthorityResponse = message({
  signed: bytes(1),
});
export type VerifyTokenAuthorityResponse = Read<typeof verifyTokenAuthorityResponse>;

export const authService = service('moby.filesync.v1.Auth', {
  Credentials: unary(credentialsRequest, credentialsResponse),
  FetchToken: unary(fetchTokenRequest, fetchTokenResponse),
  GetTokenAuthority: unary(getTokenAuthorityRequest, getTokenAuthorityResponse),
  VerifyTokenAuthority: unary(verifyTokenAuthorityRequest, verifyTokenAuthorityResponse),
});
