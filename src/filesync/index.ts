export { describeRecord, type IndexedFile, IndexedFiles } from './directory-index.ts';
export { keptNames } from './kept-directory.ts';
export type { PacketStream } from './packet-stream.ts';
export { type FileReceivers, openFileReceivers, type ReceiveResult } from './receiver-pool.ts';
export { type SendOptions, sendDirectory } from './sender.ts';
