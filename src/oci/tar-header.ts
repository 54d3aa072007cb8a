import { fail } from '#std/errors';

/** Tar is made of blocks of this size; headers take one, contents are padded to it. */
export const blockBytes = 512;

export type TarEntryType = 'file' | 'directory' | 'symlink' | 'hardlink' | 'character' | 'block' | 'fifo';

/** A run of bytes that a sparse file really holds. */
export interface SparseExtent {
  readonly offset: number;
  readonly length: number;
}

/**
 * One entry of a tar. Names are byte strings (`latin1`: one character a byte), for tar knows no encoding and a name must
 * come out as it went in.
 */
export interface TarEntry {
  readonly type: TarEntryType;
  readonly path: string;
  readonly linkPath: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Of the file as it will be on disk: of a sparse one with its holes. */
  readonly sizeBytes: number;
  readonly modifiedSeconds: number;
  readonly modifiedNanoseconds: number;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  readonly xattrs: ReadonlyMap<string, Buffer>;
  /** Where the contents belong, when they are not the whole file in order. */
  readonly sparse?: readonly SparseExtent[];
}

/** A header block as it stands, before what PAX or GNU records in front of it say. */
export interface RawHeader {
  readonly flag: string;
  readonly path: string;
  readonly linkPath: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  readonly modifiedSeconds: number;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  readonly block: Buffer;
}

/** Error of a tar that cannot be read. */
export function invalidTar(detail: string) {
  return fail('invalid-argument', `archive/tar: ${detail}`);
}

function textAt(block: Buffer, offset: number, length: number): string {
  const end = block.indexOf(0, offset);
  return block.toString('latin1', offset, end === -1 || end > offset + length ? offset + length : end);
}

/** A number field: octal digits, or (GNU, star) base 256 when the first bit is set. */
export function numberAt(block: Buffer, offset: number, length: number): number {
  const first = block[offset] ?? 0;
  if ((first & 0x80) === 0) {
    const digits = textAt(block, offset, length).trim();
    if (digits === '') return 0;
    if (!/^[0-7]+$/.test(digits)) throw invalidTar('invalid tar header');
    return Number.parseInt(digits, 8);
  }
  // Two's complement over all bits but the marker.
  let value = BigInt(first & 0x40 ? (first | 0x80) - 0x100 : first & 0x7f);
  for (let index = 1; index < length; index += 1) value = (value << 8n) | BigInt(block[offset + index] ?? 0);
  if (value > BigInt(Number.MAX_SAFE_INTEGER) || value < BigInt(Number.MIN_SAFE_INTEGER)) {
    throw invalidTar('invalid tar header');
  }
  return Number(value);
}

function verifyChecksum(block: Buffer): void {
  let unsigned = 0;
  let signed = 0;
  for (let index = 0; index < blockBytes; index += 1) {
    const byte = index >= 148 && index < 156 ? 0x20 : (block[index] ?? 0);
    unsigned += byte;
    signed += byte > 127 ? byte - 256 : byte;
  }
  const expected = numberAt(block, 148, 8);
  // Some old writers summed signed characters.
  if (expected !== unsigned && expected !== signed) throw invalidTar('invalid tar header');
}

/** The name, with the prefix field where the format has one (POSIX.1-1988 ustar, and star's shorter one). */
function nameOf(block: Buffer): string {
  const name = textAt(block, 0, 100);
  if (block.toString('latin1', 257, 263) !== 'ustar\0') return name;
  const prefix = textAt(block, 345, block.toString('latin1', 508, 512) === 'tar\0' ? 131 : 155);
  return prefix === '' ? name : `${prefix}/${name}`;
}

/** Whether a block is all zeroes: two of them end a tar. */
export function isZeroBlock(block: Buffer): boolean {
  return block.every((byte) => byte === 0);
}

/** Reads one header block (POSIX.1-1988 ustar, GNU, star, V7); throws `invalid-argument` when it is none. */
export function parseHeader(block: Buffer): RawHeader {
  verifyChecksum(block);
  const hasDevice = block.toString('latin1', 257, 262) === 'ustar';
  const sizeBytes = numberAt(block, 124, 12);
  if (sizeBytes < 0) throw invalidTar('invalid tar header');
  return {
    flag: String.fromCharCode(block[156] ?? 0),
    path: nameOf(block),
    linkPath: textAt(block, 157, 100),
    mode: numberAt(block, 100, 8),
    uid: numberAt(block, 108, 8),
    gid: numberAt(block, 116, 8),
    sizeBytes,
    modifiedSeconds: numberAt(block, 136, 12),
    deviceMajor: hasDevice ? numberAt(block, 329, 8) : 0,
    deviceMinor: hasDevice ? numberAt(block, 337, 8) : 0,
    block,
  };
}
