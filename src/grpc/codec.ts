import protobuf from 'protobufjs/minimal.js';
import { fail } from '#std/errors';

export type Reader = protobuf.Reader;
export type Writer = protobuf.Writer;

/** How a value lies on the wire (Protocol Buffers, "Encoding"). */
export const wireTypes = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;
export type WireType = (typeof wireTypes)[keyof typeof wireTypes];

/** One value without its number: `T` is what is read, `I` what may be written. */
export interface Codec<T, I = T> {
  readonly wire: WireType;
  /** What a field is that was not sent. Shared: never changed. */
  readonly absent: T;
  /** `before` is what the same field held already: messages are merged. */
  read(reader: Reader, before: T): T;
  write(writer: Writer, value: I): void;
  /** Whether it is left out on the wire, as proto3 leaves out a scalar's zero. */
  isAbsent(value: I): boolean;
}

/** A varint of 64 bits as protobufjs has it: halves of 32 bits. */
interface Halves {
  readonly low: number;
  readonly high: number;
}

function signedBigint(value: unknown): bigint {
  if (typeof value === 'number') return BigInt(value);
  const { low, high } = value as Halves;
  return (BigInt(high | 0) << 32n) | BigInt(low >>> 0);
}

const halfRange = 2 ** 32;

function signedNumber(value: unknown): number {
  if (typeof value === 'number') return value;
  const { low, high } = value as Halves;
  return (high | 0) * halfRange + (low >>> 0);
}

function unsignedNumber(value: unknown): number {
  if (typeof value === 'number') return value;
  const { low, high } = value as Halves;
  return (high >>> 0) * halfRange + (low >>> 0);
}

/** Of a number that no double holds exactly nothing is said on the wire: it is an error of ours. */
function whole(value: number): number {
  if (!Number.isSafeInteger(value)) throw fail('internal', `${value} is no integer that can be sent`);
  return value;
}

function scalar<T>(
  wire: WireType,
  absent: T,
  read: (reader: Reader) => T,
  write: (writer: Writer, value: T) => void,
): Codec<T> {
  return { wire, absent, read, write, isAbsent: (value) => value === absent };
}

export const stringCodec = scalar(
  wireTypes.bytes,
  '',
  (reader) => reader.string(),
  (writer, value) => writer.string(value),
);
export const boolCodec = scalar<boolean>(
  wireTypes.varint,
  false,
  (reader) => reader.bool(),
  (writer, value) => writer.bool(value),
);
export const int32Codec = scalar(
  wireTypes.varint,
  0,
  (reader) => reader.int32(),
  (writer, value) => writer.int32(whole(value)),
);
export const uint32Codec = scalar(
  wireTypes.varint,
  0,
  (reader) => reader.uint32(),
  (writer, value) => writer.uint32(whole(value)),
);
export const int64Codec = scalar(
  wireTypes.varint,
  0,
  (reader) => signedNumber(reader.int64()),
  (writer, value) => writer.int64(whole(value)),
);
export const uint64Codec = scalar(
  wireTypes.varint,
  0,
  (reader) => unsignedNumber(reader.uint64()),
  (writer, value) => writer.uint64(whole(value)),
);
export const bigint64Codec = scalar(
  wireTypes.varint,
  0n,
  (reader) => signedBigint(reader.int64()),
  (writer, value) => {
    const halves = { low: Number(BigInt.asIntN(32, value)), high: Number(BigInt.asIntN(32, value >> 32n)) };
    writer.int64({ ...halves, unsigned: false } as unknown as number);
  },
);
export const doubleCodec = scalar(
  wireTypes.fixed64,
  0,
  (reader) => reader.double(),
  (writer, value) => writer.double(value),
);

const noBytes = new Uint8Array(0);

export const bytesCodec: Codec<Uint8Array> = {
  wire: wireTypes.bytes,
  absent: noBytes,
  read: (reader) => reader.bytes(),
  write: (writer, value) => writer.bytes(value),
  isAbsent: (value) => value.byteLength === 0,
};

/** Reads `bytes` in place: what it gives as bytes are views into them. */
export function newReader(bytes: Uint8Array): Reader {
  const { buffer, byteOffset, byteLength } = bytes;
  return protobuf.Reader.create(Buffer.isBuffer(bytes) ? bytes : Buffer.from(buffer, byteOffset, byteLength));
}

/** Collects what is written until `finish`. */
export function newWriter(): Writer {
  return protobuf.Writer.create();
}
