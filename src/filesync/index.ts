export { askForFiles, type FilesRequest, type OutputTarget, sendDirectoryTo, sendFileTo } from './calls.ts';
export { type IndexedFile, IndexedFiles } from './directory-index.ts';
export { keptNames } from './kept-directory.ts';
export { type OutputPlace, offerDirectories, offerOutputs } from './offers.ts';
export { goModeOf } from './packet.ts';
export type { PacketStream } from './packet-stream.ts';
export { type FileReceivers, openFileReceivers, type ReceiveResult } from './receiver-pool.ts';
