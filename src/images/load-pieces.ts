import { createTarReader, type TarEntry, type TarHandler } from '#oci';
import { fail } from '#std/errors';
import { blameStream, compressionOf, decompress, detectCompression } from '#store';

/** More than any description of an image; what is larger is not read into memory. */
const descriptionLimitBytes = 16 * 1024 * 1024;
/** Files that may be anything are kept in memory up to this size, and so much of all files together. */
const smallBytes = 256 * 1024;
const memoryLimitBytes = 64 * 1024 * 1024;
/** Names of files and links take memory too. */
const namesLimit = 100_000;
/** What a file is shows within so many bytes: the first header of a tar. */
const headBytes = 512;
/** Far more than the longest chain of links in an archive. */
const linksLimit = 16;

/** The small files of an archive, and under which names its layers are there. */
export interface Archive<T> {
  has(path: string): boolean;
  /** All of a small file; throws `invalid-argument` when it is missing or too large. */
  read(path: string): Buffer;
  /** What was made of a large one, or the content of a small one; throws `invalid-argument` when it is missing. */
  piece(path: string): T | Buffer;
}

/**
 * Makes something of a large file as it comes; what it has made stays, also when its stream then breaks off. `isTar` says
 * whether it begins as a tar or something compressed does; very old tars do not.
 */
export type Receiver<T> = (path: string, sizeBytes: number, content: AsyncIterable<Uint8Array>, isTar: boolean) => T;

/** `./a//b/../c` as `a/c`; nothing lies above the archive. */
function normalize(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts.join('/');
}

/** Hands pieces over from who has them to who wants them, one at a time. */
class Handover implements AsyncIterable<Uint8Array> {
  #offered: { readonly chunk: Uint8Array; readonly taken: () => void } | undefined;
  #ended: { readonly error?: unknown } | undefined;
  #isUnwanted = false;
  #wake: (() => void) | undefined;

  /** Resolves when the piece is used up; at once when nobody wants any more. */
  async push(chunk: Uint8Array): Promise<void> {
    if (this.#isUnwanted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#offered = { chunk, taken: resolve };
    this.#wake?.();
    await promise;
  }

  end(failure: { readonly error?: unknown } = {}): void {
    this.#ended ??= failure;
    this.#wake?.();
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined> {
    // One may be offered before it is first asked for: only what was given can be used up.
    let isGiven = false;
    const used = (): void => {
      const before = this.#offered;
      this.#offered = undefined;
      isGiven = false;
      before?.taken();
    };
    return {
      next: async () => {
        if (isGiven) used();
        while (this.#offered === undefined) {
          if (this.#ended !== undefined) {
            if ('error' in this.#ended) throw this.#ended.error;
            return { done: true, value: undefined };
          }
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
        isGiven = true;
        return { done: false, value: this.#offered.chunk };
      },
      return: async () => {
        this.#isUnwanted = true;
        used();
        return { done: true, value: undefined };
      },
    };
  }
}

function isTar(head: Buffer): boolean {
  return compressionOf(head) !== 'none' || head.toString('latin1', 257, 262) === 'ustar';
}

/** A layer by its first bytes: compressed, or a tar; a description begins with a bracket. */
function isLayer(head: Buffer, sizeBytes: number): boolean {
  if (isTar(head)) return true;
  return sizeBytes > smallBytes && !/^[\s[{]/.test(head.toString('latin1', 0, 1));
}

/** Sorts the files of an archive as they come: names of strangers never become names on disk. */
class Sorter<T> implements TarHandler {
  readonly files = new Map<string, { readonly made: T } | Buffer | 'too large'>();
  readonly links = new Map<string, string>();
  #entry: TarEntry | undefined;
  #path = '';
  #held: Buffer[] = [];
  #heldBytes = 0;
  #memoryBytes = 0;
  #handover: Handover | undefined;

  constructor(readonly receive: Receiver<T>) {}

  entry(entry: TarEntry): void {
    if (this.files.size + this.links.size > namesLimit) {
      throw fail('invalid-argument', 'invalid archive: it holds too many files');
    }
    const path = normalize(entry.path);
    if (entry.type === 'symlink') {
      const base = entry.linkPath.startsWith('/') ? '' : `${path}/..`;
      this.links.set(path, normalize(`${base}/${entry.linkPath}`));
    } else if (entry.type === 'hardlink') {
      this.links.set(path, normalize(entry.linkPath));
    }
    this.#entry = entry.type === 'file' ? entry : undefined;
    this.#path = path;
    this.#held = [];
    this.#heldBytes = 0;
  }

  async data(chunk: Buffer): Promise<void> {
    const entry = this.#entry;
    if (entry === undefined) return;
    if (this.#handover !== undefined) return this.#handover.push(chunk);
    // The reader's memory is its own again when we return.
    this.#held.push(Buffer.from(chunk));
    this.#heldBytes += chunk.length;
    if (this.#heldBytes < Math.min(headBytes, entry.sizeBytes)) return;
    const head = Buffer.concat(this.#held);
    const isSmall = entry.sizeBytes <= smallBytes && this.#memoryBytes + entry.sizeBytes <= memoryLimitBytes / 2;
    if (!isSmall && isLayer(head, entry.sizeBytes)) {
      this.#handover = new Handover();
      this.#keep({ made: this.receive(this.#path, entry.sizeBytes, this.#handover, isTar(head)) });
      this.#held = [];
      return this.#handover.push(head);
    }
    if (entry.sizeBytes <= descriptionLimitBytes && this.#memoryBytes + entry.sizeBytes <= memoryLimitBytes) {
      this.#held = [head];
      return;
    }
    this.#keep('too large');
    this.#entry = undefined;
    this.#held = [];
  }

  end(): void {
    if (this.#handover !== undefined) this.#handover.end();
    else if (this.#entry !== undefined) {
      const content = Buffer.concat(this.#held);
      this.#memoryBytes += content.length;
      this.#keep(content);
    }
    this.#handover = undefined;
    this.#entry = undefined;
    this.#held = [];
  }

  /** The archive is damaged: who makes something of its last file is told. */
  breakOff(error: unknown): void {
    this.#handover?.end({ error });
  }

  /** Of two files of one name the last counts, and so does a file of a link. */
  #keep(file: { readonly made: T } | Buffer | 'too large'): void {
    this.links.delete(this.#path);
    this.files.set(this.#path, file);
  }
}

/** Reads an archive (a tar, compressed or not) in one pass; its large files go to `receive` as they come. */
export async function readPieces<T>(source: AsyncIterable<Uint8Array>, receive: Receiver<T>): Promise<Archive<T>> {
  const sorter = new Sorter(receive);
  const reader = createTarReader(sorter);
  try {
    const detected = await detectCompression(source);
    if (detected.start.length === 0) throw fail('invalid-argument', 'unexpected EOF');
    for await (const chunk of decompress(detected.source, detected.compression)) await reader.write(chunk);
    reader.close();
  } catch (error) {
    const blamed = blameStream(error);
    sorter.breakOff(blamed);
    throw blamed;
  }

  function find(path: string) {
    let target = normalize(path);
    for (let followed = 0; followed < linksLimit; followed += 1) {
      const file = sorter.files.get(target);
      if (file !== undefined) return file;
      const link = sorter.links.get(target);
      if (link === undefined) return undefined;
      target = link;
    }
    return undefined;
  }

  function required(path: string): { readonly made: T } | Buffer {
    const file = find(path);
    if (file === undefined) throw fail('invalid-argument', `invalid archive: ${JSON.stringify(path)} is missing`);
    if (file !== 'too large') return file;
    throw fail('invalid-argument', `invalid archive: ${JSON.stringify(path)} is too large`);
  }

  return {
    has: (path) => find(path) !== undefined,
    read(path) {
      const file = required(path);
      if (Buffer.isBuffer(file)) return file;
      throw fail('invalid-argument', `invalid archive: ${JSON.stringify(path)} is too large`);
    },
    piece(path) {
      const file = required(path);
      return Buffer.isBuffer(file) ? file : file.made;
    },
  };
}
