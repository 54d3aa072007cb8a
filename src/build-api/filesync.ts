import { bidirectional, bytes, message, type Read, service } from '#grpc';
import { packet } from './files.ts';

// Files of a client, and files to it (`moby.filesync.v1`).

export const bytesMessage = message({
  data: bytes(1),
});
export type BytesMessage = Read<typeof bytesMessage>;

export const fileSyncService = service('moby.filesync.v1.FileSync', {
  DiffCopy: bidirectional(packet, packet),
  TarStream: bidirectional(packet, packet),
});

export const fileSendService = service('moby.filesync.v1.FileSend', {
  DiffCopy: bidirectional(bytesMessage, bytesMessage),
});
