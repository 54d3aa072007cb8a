import { bidirectional, bytes, message, type Read, raw, service } from '#grpc';

// Files of a client, and files to it (`moby.filesync.v1`).

export const bytesMessage = message({
  data: bytes(1),
});
export type BytesMessage = Read<typeof bytesMessage>;

/** Packets of `fsutil.types`, which `filesync` takes apart itself: a context is tens of thousands of them. */
export const fileSyncService = service('moby.filesync.v1.FileSync', {
  DiffCopy: bidirectional(raw, raw),
});

/** Packets of `fsutil.types` where the output is a directory, messages of bytes where it is a file. */
export const fileSendService = service('moby.filesync.v1.FileSend', {
  DiffCopy: bidirectional(raw, raw),
});
