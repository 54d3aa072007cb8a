export { type Blobs, type BlobWriter, openBlobs } from './blobs.ts';
export { type Compression, compress, compressionOf, decompress, detectCompression } from './blobs-compression.ts';
export { syncFileSystem } from './blobs-sync.ts';
export { type Collection, type Identified, openRecords, type Records } from './records.ts';
export { type Change, changesOf } from './snapshot-changes.ts';
export { packChanges } from './snapshot-pack.ts';
export { type LayerUnpacker, unpackLayer } from './snapshot-unpack.ts';
export { type ContainerPaths, type LayerDraft, openSnapshots, type Snapshots } from './snapshots.ts';
export { TreePacker } from './tree-pack.ts';
