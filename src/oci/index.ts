export { blockBytes, type SparseExtent, type TarEntry, type TarEntryType } from './tar-header.ts';
export { createTarReader, type TarHandler, type TarReader } from './tar-reader.ts';
