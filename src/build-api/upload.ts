import { bidirectional, service } from '#grpc';
import { bytesMessage } from './bytes-message.ts';

// A build context that a client streams (`moby.upload.v1`).

export const uploadService = service('moby.upload.v1.Upload', {
  Pull: bidirectional(bytesMessage, bytesMessage),
});
