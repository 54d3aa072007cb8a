import { bidirectional, bytes, message, type Read, service } from '#grpc';

// A build context that a client streams (`moby.upload.v1`).

export const bytesMessage = message({
  data: bytes(1),
});
export type BytesMessage = Read<typeof bytesMessage>;

export const uploadService = service('moby.upload.v1.Upload', {
  Pull: bidirectional(bytesMessage, bytesMessage),
});
