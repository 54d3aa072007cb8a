import { bytes, map, message, service, string, unary } from '#grpc';

// Secrets of a client (`moby.buildkit.secrets.v1`).

const getSecretRequest = message({
  id: string(1),
  annotations: map(2, string),
});

const getSecretResponse = message({
  data: bytes(1),
});

export const secretsService = service('moby.buildkit.secrets.v1.Secrets', {
  GetSecret: unary(getSecretRequest, getSecretResponse),
});
