import { bytes, map, message, type Read, service, string, unary } from '#grpc';

// Secrets of a client (`moby.buildkit.secrets.v1`).

export const getSecretRequest = message({
  id: string(1),
  annotations: map(2, string),
});
export type GetSecretRequest = Read<typeof getSecretRequest>;

export const getSecretResponse = message({
  data: bytes(1),
});
export type GetSecretResponse = Read<typeof getSecretResponse>;

export const secretsService = service('moby.buildkit.secrets.v1.Secrets', {
  GetSecret: unary(getSecretRequest, getSecretResponse),
});
