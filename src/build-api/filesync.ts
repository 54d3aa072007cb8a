import { bidirectional, raw, service } from '#grpc';
import { bytesMessage } from './bytes-message.ts';

export { bytesMessage };

// Files of a client, and files to it (`moby.filesync.v1`).

/** Packets of `fsutil.types`, which `filesync` takes apart itself: a context is tens of thousands of them. */
export const fileSyncService = service('moby.filesync.v1.FileSync', {
  DiffCopy: bidirectional(raw, raw),
});

/** Packets of `fsutil.types` where the output is a directory, messages of bytes where it is a file. */
export const fileSendService = service('moby.filesync.v1.FileSend', {
  DiffCopy: bidirectional(raw, raw),
});
