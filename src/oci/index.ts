export { chainIdOf, chainOf, Digester, digestOf, encodedOf, isDigest } from './digest.ts';
export { type HistoryEntry, type ImageConfigFile, parseImageConfig, parseJsonObject } from './image-config.ts';
export {
  type ArchiveImage,
  type Descriptor,
  type ImageIndex,
  type ImageManifest,
  isIndexType,
  mediaTypes,
  parseArchiveManifest,
  parseIndex,
  parseManifest,
} from './manifest.ts';
export {
  hostPlatform,
  isSamePlatform,
  type Platform,
  parsePlatform,
  printPlatform,
  rankOnPlatform,
  runsOn,
} from './platform.ts';
export {
  familiarName,
  familiarReference,
  formatReference,
  type ImageReference,
  isTag,
  parseReference,
  withDefaultTag,
} from './reference.ts';
export * from './runtime-spec.ts';
export { blockBytes, type SparseExtent, type TarEntry, type TarEntryType } from './tar-header.ts';
export { createTarReader, type TarHandler, type TarReader } from './tar-reader.ts';
export { tarEnd, tarHeader, tarPadding } from './tar-writer.ts';
