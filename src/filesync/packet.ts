import { fileTypes } from '#linux/file-tree';
import { fail } from '#std/errors';

/**
 * The messages of fsutil's file transfer (tonistiigi/fsutil, `types.Packet` and `types.Stat`), by hand: a context is fifty thousand
 * of them, most of which need no more than their path looked at. Names are byte strings (`latin1`), for names of files are bytes.
 */
export const packetTypes = { stat: 0, request: 1, data: 2, end: 3, error: 4 } as const;

export interface Packet {
  readonly type: number;
  /** An encoded `FileStat`; of a `stat` packet, whose last one has none. A view of the packet. */
  readonly stat?: Uint8Array;
  readonly id: number;
  /** A view of the packet. */
  readonly data: Uint8Array;
}

/** What the protocol says of a file. */
export interface TransferStat {
  /** Relative, `/` between its parts; a byte string. */
  readonly path: string;
  /** As stat(2) has it: type and permissions. On the wire it is Go's `os.FileMode`. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  readonly modifiedNs: bigint;
  /** Target of a symlink; of a regular file the path that it is another name of. */
  readonly linkName: string;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  readonly xattrs: ReadonlyMap<string, Buffer>;
}

const empty = new Uint8Array(0);
const noXattrs: ReadonlyMap<string, Buffer> = new Map();

function malformed(what: string): Error {
  return fail('invalid-argument', `malformed file transfer: ${what}`);
}

/** Reads fields of a protobuf message one after the other. */
class FieldReader {
  at = 0;
  field = 0;
  wire = 0;
  constructor(readonly bytes: Uint8Array) {}

  next(): boolean {
    if (this.at >= this.bytes.length) return false;
    const key = this.varint();
    this.field = Math.floor(key / 8);
    this.wire = key % 8;
    return true;
  }

  /** Exact below 2^53; what is larger (a negative number) is read by `long`. */
  varint(): number {
    let value = 0;
    for (let factor = 1, count = 0; count < 10; count++, factor *= 128) {
      const byte = this.bytes[this.at++];
      if (byte === undefined) throw malformed('a number is cut off');
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
    throw malformed('a number is too long');
  }

  long(): bigint {
    const start = this.at;
    const small = this.varint();
    if (Number.isSafeInteger(small)) return BigInt(small);
    // In three pieces that are exact: of each file there is one, and arithmetic of so large numbers is slow.
    const piece = (from: number, count: number): number => {
      let value = 0;
      for (let index = Math.min(from + count, this.at) - 1; index >= from; index--)
        value = value * 128 + ((this.bytes[index] ?? 0) & 0x7f);
      return value;
    };
    const low = piece(start, 5) + (piece(start + 5, 2) % 2 ** 14) * 2 ** 35;
    return BigInt.asIntN(64, (BigInt(piece(start + 7, 3)) << 49n) + BigInt(low));
  }

  /** A length and what it is of; a view. */
  block(): Uint8Array {
    const length = this.varint();
    const start = this.at;
    if (start + length > this.bytes.length) throw malformed('a field is cut off');
    this.at = start + length;
    return this.bytes.subarray(start, this.at);
  }

  text(): string {
    const block = this.block();
    return Buffer.from(block.buffer, block.byteOffset, block.length).toString('latin1');
  }

  skip(): void {
    if (this.wire === 0) this.varint();
    else if (this.wire === 1) this.at += 8;
    else if (this.wire === 2) this.block();
    else if (this.wire === 5) this.at += 4;
    else throw malformed(`wire type ${this.wire}`);
    if (this.at > this.bytes.length) throw malformed('a field is cut off');
  }
}

/** Takes a packet apart. Throws `invalid-argument` when it is none. */
export function decodePacket(bytes: Uint8Array): Packet {
  const reader = new FieldReader(bytes);
  let type = 0;
  let id = 0;
  let stat: Uint8Array | undefined;
  let data: Uint8Array = empty;
  while (reader.next()) {
    if (reader.field === 1 && reader.wire === 0) type = reader.varint();
    else if (reader.field === 2 && reader.wire === 2) stat = reader.block();
    else if (reader.field === 3 && reader.wire === 0) id = reader.varint();
    else if (reader.field === 4 && reader.wire === 2) data = reader.block();
    else reader.skip();
  }
  return { type, id, data, ...(stat !== undefined && { stat }) };
}

/** The path alone: it is the first field, as everybody writes it. */
export function pathOfStat(stat: Uint8Array): string {
  const reader = new FieldReader(stat);
  let path = '';
  while (reader.next()) {
    if (reader.field !== 1 || reader.wire !== 2) {
      reader.skip();
      continue;
    }
    path = reader.text();
    break;
  }
  return path;
}

/** Takes a stat apart. Throws `invalid-argument` when it is none. */
export function decodeStat(bytes: Uint8Array): TransferStat {
  const reader = new FieldReader(bytes);
  const numbers = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
  let path = '';
  let linkName = '';
  let modifiedNs = 0n;
  let xattrs: Map<string, Buffer> | undefined;
  while (reader.next()) {
    const { field, wire } = reader;
    if (field === 1 && wire === 2) path = reader.text();
    else if (field === 6 && wire === 0) modifiedNs = reader.long();
    else if (field === 7 && wire === 2) linkName = reader.text();
    else if (field === 10 && wire === 2) {
      xattrs ??= new Map();
      readXattr(reader.block(), xattrs);
    } else if (wire === 0 && field < numbers.length) numbers[field] = reader.varint();
    else reader.skip();
  }
  const [, , goMode = 0, uid = 0, gid = 0, sizeBytes = 0, , , deviceMajor = 0, deviceMinor = 0] = numbers;
  const mode = modeOfGo(goMode);
  return {
    ...{ path, mode, uid, gid, sizeBytes, modifiedNs, linkName, deviceMajor, deviceMinor },
    xattrs: xattrs ?? noXattrs,
  };
}

function readXattr(entry: Uint8Array, into: Map<string, Buffer>): void {
  const reader = new FieldReader(entry);
  let name = '';
  let value: Buffer = Buffer.alloc(0);
  while (reader.next()) {
    if (reader.field === 1 && reader.wire === 2) name = reader.text();
    else if (reader.field === 2 && reader.wire === 2) value = Buffer.from(reader.block());
    else reader.skip();
  }
  into.set(name, value);
}

/** Types of Go's `os.FileMode`, the first that has all its bits counts. */
const goTypes = [
  [0x80000000, fileTypes.directory],
  [0x08000000, fileTypes.symlink],
  [0x04200000, fileTypes.character],
  [0x04000000, fileTypes.block],
  [0x02000000, fileTypes.fifo],
  [0x01000000, fileTypes.socket],
] as const;
const goFlags = [
  [0x00800000, 0o4000],
  [0x00400000, 0o2000],
  [0x00100000, 0o1000],
] as const;

function modeOfGo(mode: number): number {
  const type = goTypes.find(([bits]) => (mode & bits) >>> 0 === bits)?.[1] ?? fileTypes.file;
  const flags = goFlags.reduce((sum, [bit, flag]) => sum | ((mode & bit) === 0 ? 0 : flag), 0);
  return type | flags | (mode & 0o777);
}

/** A file's type and permissions as stat(2) has them, as Go's `os.FileMode`. */
export function goModeOf(mode: number): number {
  const type = goTypes.find(([, bits]) => bits === (mode & fileTypes.mask))?.[0] ?? 0;
  const flags = goFlags.reduce((sum, [bit, flag]) => sum | ((mode & flag) === 0 ? 0 : bit), 0);
  return (type | flags | (mode & 0o777)) >>> 0;
}

/** Writes fields into memory that grows. */
class FieldWriter {
  #bytes: Buffer;
  #at = 0;

  constructor(sizeBytes: number) {
    this.#bytes = Buffer.allocUnsafe(sizeBytes);
  }

  number(field: number, value: number): void {
    if (value === 0) return;
    this.#room(20);
    this.#varint(field * 8);
    this.#varint(value);
  }

  long(field: number, value: bigint): void {
    if (value >= 0n && value <= BigInt(Number.MAX_SAFE_INTEGER)) {
      this.number(field, Number(value));
      return;
    }
    this.#room(20);
    this.#varint(field * 8);
    let rest = BigInt.asUintN(64, value);
    for (; rest >= 0x80n; rest >>= 7n) this.#bytes[this.#at++] = Number(rest & 0x7fn) | 0x80;
    this.#bytes[this.#at++] = Number(rest);
  }

  block(field: number, value: Uint8Array): void {
    this.#room(20 + value.length);
    this.#varint(field * 8 + 2);
    this.#varint(value.length);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
  }

  text(field: number, value: string): void {
    if (value === '') return;
    this.#room(20 + value.length);
    this.#varint(field * 8 + 2);
    this.#varint(value.length);
    this.#at += this.#bytes.write(value, this.#at, 'latin1');
  }

  finish(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }

  #varint(value: number): void {
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 128)) this.#bytes[this.#at++] = (rest % 128) | 0x80;
    this.#bytes[this.#at++] = rest;
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#at + bytes));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }
}

/** Puts a stat together; what is zero or empty is left out, as in Go. */
export function encodeStat(stat: TransferStat): Buffer {
  const writer = new FieldWriter(64 + stat.path.length + stat.linkName.length);
  writer.text(1, stat.path);
  writer.number(2, goModeOf(stat.mode));
  writer.number(3, stat.uid);
  writer.number(4, stat.gid);
  writer.number(5, stat.sizeBytes);
  writer.long(6, stat.modifiedNs);
  writer.text(7, stat.linkName);
  writer.number(8, stat.deviceMajor);
  writer.number(9, stat.deviceMinor);
  for (const [name, value] of stat.xattrs) {
    const entry = new FieldWriter(32 + name.length + value.length);
    entry.text(1, name);
    entry.block(2, value);
    writer.block(10, entry.finish());
  }
  return writer.finish();
}

/** Puts a packet together. */
export function encodePacket(packet: {
  readonly type: number;
  readonly stat?: Uint8Array;
  readonly id?: number;
  readonly data?: Uint8Array;
}): Buffer {
  const writer = new FieldWriter(32 + (packet.stat?.length ?? 0) + (packet.data?.length ?? 0));
  writer.number(1, packet.type);
  if (packet.stat !== undefined) writer.block(2, packet.stat);
  writer.number(3, packet.id ?? 0);
  if (packet.data !== undefined && packet.data.length > 0) writer.block(4, packet.data);
  return writer.finish();
}
