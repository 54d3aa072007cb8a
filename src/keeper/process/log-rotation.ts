import { createReadStream } from 'node:fs';
import { type FileHandle, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { crc32, createDeflateRaw } from 'node:zlib';
import { identityTailBytes, rotatedIdentity } from '../log-identity.ts';

const gzipMagic = [0x1f, 0x8b, 0x08];
/** RFC 1952: the header holds a comment. */
const commentFlag = 0x10;

/** Names of a log's rotated files by their number: 1 was rotated last. One may be there compressed and not. */
async function rotatedFiles(path: string): Promise<Map<number, string[]>> {
  const found = new Map<number, string[]>();
  const prefix = `${basename(path)}.`;
  for (const name of await readdir(dirname(path))) {
    const number = name.startsWith(prefix) ? /^([1-9]\d*)(?:\.gz)?$/.exec(name.slice(prefix.length))?.[1] : undefined;
    if (number !== undefined) found.set(Number(number), [...(found.get(Number(number)) ?? []), name]);
  }
  return found;
}

/**
 * Moves the rotated files of a log up by one, so that number 1 is free; the oldest beyond the bound is lost. Killed in between,
 * it leaves a gap in the numbers, which the next time fills: no file is lost before its turn.
 */
export async function shiftRotated(path: string, maxFiles: number): Promise<void> {
  const files = await rotatedFiles(path);
  const directory = dirname(path);
  const oldest = Math.max(maxFiles - 1, 1);
  let free = 1;
  while (free < oldest && files.has(free)) free++;
  for (const [number, names] of files) {
    if (number < oldest || (number === oldest && free < oldest)) continue;
    for (const name of names) await rm(join(directory, name), { force: true });
  }
  for (let number = free - 1; number >= 1; number--) {
    const names = files.get(number) ?? [];
    // Of two the compressed one is complete: it got its name last.
    const name = names.find((each) => each.endsWith('.gz')) ?? names[0];
    if (name === undefined) continue;
    for (const other of names) if (other !== name) await rm(join(directory, other), { force: true });
    await rename(join(directory, name), `${path}.${number + 1}${name.endsWith('.gz') ? '.gz' : ''}`);
  }
}

/** The last bytes of a file: they hold the time of its last record. */
async function tailOf(file: FileHandle, size: number): Promise<Buffer> {
  const tail = Buffer.alloc(Math.min(size, identityTailBytes));
  await file.read(tail, 0, tail.length, size - tail.length);
  return tail;
}

/**
 * Replaces the file that was rotated last by its compressed form, `path.1.gz`, whose header tells what it was: a reader
 * that holds the file open finds its place by that. Rejects when there is none, or when `signal` aborts.
 */
export async function compressRotated(path: string, signal: AbortSignal): Promise<void> {
  const source = `${path}.1`;
  const temporary = `${source}.gz.tmp`;
  const input = await open(source, 'r');
  try {
    const { ino, size } = await input.stat();
    const output = await open(temporary, 'w', 0o640);
    try {
      await output.appendFile(Buffer.from([...gzipMagic, commentFlag, 0, 0, 0, 0, 0, 0xff]));
      await output.appendFile(Buffer.from(`${rotatedIdentity(ino, size, await tailOf(input, size))}\0`, 'latin1'));
      let checksum = 0;
      const deflate = createReadStream(source, { signal }).on('data', (chunk) => {
        checksum = crc32(chunk, checksum);
      });
      const compressor = createDeflateRaw();
      deflate.on('error', (error) => compressor.destroy(error));
      for await (const chunk of deflate.pipe(compressor)) await output.appendFile(chunk as Buffer);
      const trailer = Buffer.alloc(8);
      trailer.writeUInt32LE(checksum >>> 0, 0);
      trailer.writeUInt32LE(size % 2 ** 32, 4);
      await output.appendFile(trailer);
      await output.sync();
    } finally {
      await output.close();
    }
    signal.throwIfAborted();
    await rename(temporary, `${source}.gz`);
    await rm(source);
  } finally {
    await rm(temporary, { force: true });
    await input.close();
  }
}
