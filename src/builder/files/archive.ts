import { closeSync, readSync } from 'node:fs';
import { type FileStat, fileTypes, openAt, readFlags } from '#linux/file-tree';
import { createTarReader, type TarEntry } from '#oci';
import { blameStream, type Compression, compressionOf, decompress, type LowerDirectory } from '#store';
import { ArchiveWriter } from './archive-writer.ts';
import type { Owner } from './owner.ts';
import type { Pace } from './pace.ts';
import type { TargetDirectory } from './target-tree.ts';
import { isType } from './walk.ts';

const chunkBytes = 256 * 1024;
const magicBytes = 16;
/** The first entry of an archive is within so much, whatever is said of it beforehand. */
const headBytes = 4 * 1024 * 1024;

/** A file that proved to be a tar, compressed or not. */
export interface Archive {
  /** All of it, decompressed. */
  read(): AsyncIterable<Uint8Array>;
  close(): void;
}

async function* contents(descriptor: number): AsyncGenerator<Uint8Array> {
  for (let position = 0; ; ) {
    const buffer = Buffer.allocUnsafe(chunkBytes);
    const count = readSync(descriptor, buffer, 0, chunkBytes, position);
    if (count === 0) return;
    position += count;
    yield buffer.subarray(0, count);
  }
}

/** Whether a stream begins as a tar does that has an entry. */
async function beginsAsTar(stream: AsyncIterable<Uint8Array>): Promise<boolean> {
  let isEntry = false;
  const see = (_: TarEntry): void => {
    isEntry = true;
  };
  const reader = createTarReader({ entry: see, data: () => undefined, end: () => undefined });
  let readBytes = 0;
  try {
    for await (const chunk of stream) {
      await reader.write(chunk);
      readBytes += chunk.length;
      if (isEntry || readBytes > headBytes) break;
    }
  } catch {
    // No tar, or no stream of that compression.
  }
  return isEntry;
}

/** Opens a file of a directory as an archive; undefined when it is none, by what is in it. */
export async function archiveAt(
  directory: LowerDirectory,
  { name, stat }: { readonly name: string; readonly stat: FileStat },
): Promise<Archive | undefined> {
  if (!isType(stat, fileTypes.file)) return undefined;
  const descriptor = openAt(directory.directoryOf(name), name, readFlags);
  try {
    const magic = Buffer.alloc(magicBytes);
    readSync(descriptor, magic, 0, magicBytes, 0);
    const compression: Compression = compressionOf(magic);
    const read = (): AsyncIterable<Uint8Array> => decompress(contents(descriptor), compression);
    if (await beginsAsTar(read())) return { read, close: () => closeSync(descriptor) };
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
  closeSync(descriptor);
  return undefined;
}

/** Unpacks an archive into a directory, out of which nothing of it leads: links in it are resolved as if that were the
 * root. All of it is the owner's, where one is given, save what it does not tell of. */
export async function unpackArchive(
  archive: Archive,
  target: TargetDirectory,
  options: { readonly pace: Pace; readonly owner?: Owner },
): Promise<void> {
  using writer = new ArchiveWriter(target, options);
  const reader = createTarReader(writer);
  try {
    for await (const chunk of archive.read()) await reader.write(chunk);
    reader.close();
  } catch (error) {
    throw blameStream(error);
  }
  writer.finish();
}
