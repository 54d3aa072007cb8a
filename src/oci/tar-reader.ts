import {
  blockBytes,
  invalidTar,
  isZeroBlock,
  numberAt,
  parseHeader,
  type RawHeader,
  type SparseExtent,
  type TarEntry,
  type TarEntryType,
} from './tar-header.ts';
import { type Extension, gatherExtension, type PaxRecords, parsePax, parsePaxNumber, parsePaxTime } from './tar-pax.ts';
import { checkExtents, paxMap, readOldGnuMap, readPaxMap } from './tar-sparse.ts';

/** Who takes the entries of a tar: `entry`, then its contents in pieces, then `end`, one entry after the other. */
export interface TarHandler {
  entry(entry: TarEntry): void;
  /** A piece of the contents; valid until it returns or its promise is done. */
  data(chunk: Buffer): void | Promise<void>;
  end(): void;
}

export interface TarReader {
  write(chunk: Uint8Array): Promise<void>;
  /** The tar is at its end; throws `invalid-argument` when it breaks off within an entry. */
  close(): void;
}

/** Long names and PAX records are held in memory: so much, not more (Go's archive/tar has the same limit). */
const recordsLimitBytes = 1024 * 1024;

const types: Readonly<Record<string, TarEntryType>> = {
  '\0': 'file',
  '0': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'character',
  '4': 'block',
  '5': 'directory',
  '6': 'fifo',
  '7': 'file',
  S: 'file',
};

/** What the parser waits for: so many bytes in one piece, or so many of contents handed on as they come. */
type Wanted =
  | { readonly whole: number; readonly mayEnd?: true; readonly isPadding?: true }
  | { readonly contents: number };

function padded(sizeBytes: number): number {
  return Math.ceil(sizeBytes / blockBytes) * blockBytes;
}

function cString(body: Buffer): string {
  const end = body.indexOf(0);
  return body.toString('latin1', 0, end === -1 ? body.length : end);
}

function* whole(bytes: number): Generator<Wanted, Buffer, Buffer> {
  if (bytes > recordsLimitBytes) throw invalidTar('header field too long');
  return bytes === 0 ? Buffer.alloc(0) : yield { whole: bytes };
}

function* adapt<T>(inner: Generator<number, T, Buffer>): Generator<Wanted, T, Buffer> {
  let step = inner.next();
  while (!step.done) step = inner.next(yield { whole: step.value });
  return step.value;
}

function merge(raw: RawHeader, type: TarEntryType, extension: Extension, longName?: string, longLink?: string) {
  const { records, xattrs } = extension;
  const number = (key: string, otherwise: number): number => {
    const value = records.get(key);
    return value === undefined ? otherwise : parsePaxNumber(value);
  };
  const time = records.get('mtime');
  const modified = time === undefined ? { seconds: raw.modifiedSeconds, nanoseconds: 0 } : parsePaxTime(time);
  const path = records.get('GNU.sparse.name') ?? records.get('path') ?? longName ?? raw.path;
  return {
    // Before ustar a directory was a file whose name ends so.
    type: type === 'file' && path.endsWith('/') ? 'directory' : type,
    path,
    linkPath: records.get('linkpath') ?? longLink ?? raw.linkPath,
    mode: raw.mode & 0o7777,
    uid: number('uid', raw.uid),
    gid: number('gid', raw.gid),
    sizeBytes: 0,
    modifiedSeconds: modified.seconds,
    modifiedNanoseconds: modified.nanoseconds,
    deviceMajor: raw.deviceMajor,
    deviceMinor: raw.deviceMinor,
    xattrs,
  } satisfies TarEntry;
}

/** The file's size and extents, when it is sparse in one of GNU's four ways; it may read a map from the stream. */
function* sparseOf(
  raw: RawHeader,
  { records, ...rest }: Extension,
  storedBytes: number,
): Generator<Wanted, { extents: SparseExtent[]; fileBytes: number; contentBytes: number } | undefined, Buffer> {
  if (raw.flag === 'S') {
    const fileBytes = numberAt(raw.block, 483, 12);
    return { extents: yield* adapt(readOldGnuMap(Buffer.from(raw.block))), fileBytes, contentBytes: storedBytes };
  }
  const fileBytes = parsePaxNumber(records.get('GNU.sparse.realsize') ?? records.get('GNU.sparse.size') ?? '0');
  if (records.get('GNU.sparse.major') === '1') {
    const { extents, mapBytes } = yield* adapt(readPaxMap());
    return { extents, fileBytes, contentBytes: storedBytes - mapBytes };
  }
  const extents = paxMap({ records, ...rest });
  return extents === undefined ? undefined : { extents, fileBytes, contentBytes: storedBytes };
}

function* entryOf(
  raw: RawHeader,
  pax: PaxRecords,
  names: { name?: string | undefined; link?: string | undefined },
  handler: TarHandler,
): Generator<Wanted, void, Buffer> {
  const type = types[raw.flag];
  if (type === undefined) throw invalidTar(`unhandled tar header type ${raw.flag.charCodeAt(0)}`);
  const extension = gatherExtension(pax);
  const entry = merge(raw, type, extension, names.name, names.link);
  if (entry.type !== 'file') {
    handler.entry(entry);
    handler.end();
    return;
  }
  const size = extension.records.get('size');
  const storedBytes = size === undefined ? raw.sizeBytes : parsePaxNumber(size);
  const sparse = yield* sparseOf(raw, extension, storedBytes);
  if (sparse === undefined) {
    handler.entry({ ...entry, sizeBytes: storedBytes });
  } else {
    checkExtents(sparse.extents, sparse.fileBytes, sparse.contentBytes);
    handler.entry({ ...entry, sizeBytes: sparse.fileBytes, sparse: sparse.extents });
  }
  const contentBytes = sparse?.contentBytes ?? storedBytes;
  if (contentBytes > 0) yield { contents: contentBytes };
  handler.end();
  const padding = padded(contentBytes) - contentBytes;
  if (padding > 0) yield { whole: padding, isPadding: true };
}

function* parse(handler: TarHandler): Generator<Wanted, void, Buffer> {
  let pax: PaxRecords = [];
  let name: string | undefined;
  let link: string | undefined;
  for (;;) {
    const block = yield { whole: blockBytes, mayEnd: true };
    if (isZeroBlock(block)) {
      // A lone zero block is not the end of a tar, but nothing can follow it either.
      if (isZeroBlock(yield { whole: blockBytes, mayEnd: true })) return;
      throw invalidTar('invalid tar header');
    }
    const raw = parseHeader(block);
    if (raw.flag === 'x' || raw.flag === 'g' || raw.flag === 'L' || raw.flag === 'K') {
      const body = (yield* whole(padded(raw.sizeBytes))).subarray(0, raw.sizeBytes);
      // Of several before one entry the last counts: gathered, they could grow without bound.
      if (raw.flag === 'x') pax = parsePax(body);
      else if (raw.flag === 'L') name = cString(body);
      else if (raw.flag === 'K') link = cString(body);
      // A global header ('g') describes the archive (git writes its commit there), no entry: Docker skips it too.
    } else if (raw.flag === 'V') {
      yield* whole(padded(raw.sizeBytes));
    } else {
      yield* entryOf(raw, pax, { name, link }, handler);
      pax = [];
      name = undefined;
      link = undefined;
    }
  }
}

/**
 * Reads a tar as it comes, in bounded memory: ustar, PAX, GNU (long names, sparse files in all four formats), star, V7.
 * What follows the end of the tar is ignored.
 */
export function createTarReader(handler: TarHandler): TarReader {
  const parser = parse(handler);
  let step = parser.next();
  let held: Buffer[] = [];
  let heldBytes = 0;
  let passedBytes = 0;

  async function write(chunk: Uint8Array): Promise<void> {
    let rest = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    while (rest.length > 0 && !step.done) {
      const wanted = step.value;
      const missing = 'whole' in wanted ? wanted.whole - heldBytes : wanted.contents - passedBytes;
      const piece = rest.subarray(0, missing);
      rest = rest.subarray(piece.length);
      if ('contents' in wanted) {
        const pending = handler.data(piece);
        if (pending !== undefined) await pending;
        passedBytes += piece.length;
        if (passedBytes < wanted.contents) return;
        passedBytes = 0;
        step = parser.next(piece);
      } else {
        held.push(piece.length === missing ? piece : Buffer.from(piece));
        heldBytes += piece.length;
        if (heldBytes < wanted.whole) return;
        const block = held.length === 1 ? piece : Buffer.concat(held);
        held = [];
        heldBytes = 0;
        step = parser.next(block);
      }
    }
  }

  function close(): void {
    if (step.done) return;
    const wanted = step.value;
    // A tar may end without its two zero blocks, but only where a header could begin, or within what fills the last block.
    const atHeader = 'whole' in wanted && wanted.mayEnd === true && heldBytes === 0;
    const inPadding = 'whole' in wanted && wanted.isPadding === true;
    if (!atHeader && !inPadding) throw invalidTar('unexpected EOF');
  }

  return { write, close };
}
