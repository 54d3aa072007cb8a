export { type Blobs, openBlobs } from './blobs.ts';
export { type Compression, compressionOf, decompress, detectCompression, zstd } from './blobs-compression.ts';
export type { PartialBlob } from './blobs-partial.ts';
export { Spool } from './blobs-spool.ts';
export { syncFileSystem } from './blobs-sync.ts';
export { type DiskShares, measureDisk } from './disk-measure.ts';
export { EntryWriter } from './entry-writer.ts';
export { followFile, type GrowingFile, Growth } from './growing-file.ts';
export { gzip } from './gzip-pieces.ts';
export { bareRoot, blobFaultOf, checkLayer, faultsLimit, type LayerReport, type LayerToCheck } from './layer-check.ts';
export type { LayerFault, RootAttributes } from './layer-compare.ts';
export { packLayer } from './layer-pack.ts';
export { diffMerged, listMerged, openMerged, readMerged, type TreeDifference } from './merged-diff.ts';
export { type Collection, type Identified, openRecords, type Records } from './records.ts';
export { type Change, changesOf } from './snapshot-changes.ts';
export {
  directoryFlags,
  isOpaque,
  isWhiteout,
  LowerDirectory,
  opaqueXattr,
  openBelow,
  overlayXattrs,
} from './snapshot-lower.ts';
export { packChanges } from './snapshot-pack.ts';
export { type LayerUnpacker, type PlainTar, type UnpackedTree, unpackLayer } from './snapshot-unpack.ts';
export { type ContainerPaths, type LayerDraft, openSnapshots, type Snapshots } from './snapshots.ts';
export { blameStream } from './stream-errors.ts';
export { TreePacker } from './tree-pack.ts';
export { treeSizeBytes } from './tree-size.ts';
export type { UnpackResult } from './unpack-job.ts';
export { runUnpacker } from './unpacker-process.ts';
export { openUnpackers, type Unpackers } from './unpackers.ts';
