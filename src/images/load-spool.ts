import { closeSync, createReadStream, openSync, readFileSync, statSync, write as writeAsynchronously } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createTarReader, type TarEntry, type TarHandler } from '#oci';
import { fail } from '#std/errors';
import { decompress, detectCompression } from '#store';
import { blameStream } from './stream-errors.ts';

/** More than any description of an image; what is larger is not read into memory. */
const descriptionLimitBytes = 16 * 1024 * 1024;
const readBytes = 256 * 1024;
/** Far more than the longest chain of links in an archive. */
const linksLimit = 16;

/** The files of an archive, on disk for as long as they are looked at in any order. */
export interface Spool extends AsyncDisposable {
  has(path: string): boolean;
  sizeBytes(path: string): number;
  /** All of a small file; throws `invalid-argument` when it is missing or too large. */
  read(path: string): Buffer;
  stream(path: string): AsyncIterable<Uint8Array>;
}

/** `./a//b/../c` as `a/c`; nothing lies above the archive. */
function normalize(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts.join('/');
}

/** Writes each file of a tar under a number of its own: names of strangers never become names on disk. */
class SpoolHandler implements TarHandler {
  readonly files = new Map<string, string>();
  readonly links = new Map<string, string>();
  #descriptor: number | undefined;
  #position = 0;

  constructor(readonly directory: string) {}

  entry(entry: TarEntry): void {
    const path = normalize(entry.path);
    if (entry.type === 'file') {
      const file = join(this.directory, String(this.files.size));
      this.#descriptor = openSync(file, 'w', 0o600);
      this.#position = 0;
      this.files.set(path, file);
    } else if (entry.type === 'symlink') {
      const base = entry.linkPath.startsWith('/') ? '' : `${path}/..`;
      this.links.set(path, normalize(`${base}/${entry.linkPath}`));
    } else if (entry.type === 'hardlink') {
      this.links.set(path, normalize(entry.linkPath));
    }
  }

  async data(chunk: Buffer): Promise<void> {
    const descriptor = this.#descriptor;
    if (descriptor === undefined) return;
    for (let written = 0; written < chunk.length; ) {
      const position = this.#position;
      const start = written;
      const count = await new Promise<number>((resolve, reject) => {
        writeAsynchronously(descriptor, chunk, start, chunk.length - start, position, (error, bytes) =>
          error ? reject(error) : resolve(bytes),
        );
      });
      written += count;
      this.#position += count;
    }
  }

  end(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }
}

/** Reads an archive (a tar, compressed or not) into `directory`, which goes away with the spool. */
export async function spoolArchive(source: AsyncIterable<Uint8Array>, directory: string): Promise<Spool> {
  const handler = new SpoolHandler(directory);
  const reader = createTarReader(handler);
  try {
    const detected = await detectCompression(source);
    if (detected.start.length === 0) throw fail('invalid-argument', 'unexpected EOF');
    for await (const chunk of decompress(detected.source, detected.compression)) await reader.write(chunk);
    reader.close();
  } catch (error) {
    handler.end();
    await rm(directory, { recursive: true, force: true });
    throw blameStream(error);
  }

  function fileOf(path: string): string | undefined {
    let target = normalize(path);
    for (let followed = 0; followed < linksLimit; followed += 1) {
      const file = handler.files.get(target);
      if (file !== undefined) return file;
      const link = handler.links.get(target);
      if (link === undefined) return undefined;
      target = link;
    }
    return undefined;
  }

  function required(path: string): string {
    const file = fileOf(path);
    if (file === undefined) throw fail('invalid-argument', `invalid archive: ${JSON.stringify(path)} is missing`);
    return file;
  }

  return {
    has: (path) => fileOf(path) !== undefined,
    sizeBytes: (path) => statSync(required(path)).size,
    read(path) {
      const file = required(path);
      if (statSync(file).size > descriptionLimitBytes) {
        throw fail('invalid-argument', `invalid archive: ${JSON.stringify(path)} is too large`);
      }
      return readFileSync(file);
    },
    stream: (path) => createReadStream(required(path), { highWaterMark: readBytes }),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}
