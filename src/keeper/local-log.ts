/**
 * The records of the `local` log driver, and of the cache that is kept for a driver whose server cannot be read back:
 * `length:u32 stream:u8 time:u64 text length:u32`, all big-endian, where `length` counts stream, time and text, `stream`
 * is 1 for stdout and 2 for stderr, and `time` is in nanoseconds since the epoch. A line keeps its newline; text without
 * one is a part of a longer line, or an unfinished one. The second length lets a reader go backwards.
 */

/** Bytes of a record before its text, and all that is not text. */
export const localHeadBytes = 13;
export const localFrameBytes = localHeadBytes + 4;
const stampBytes = 9;

/** One record, seen in place. */
export interface LocalRecord {
  readonly isError: boolean;
  readonly timeNs: bigint;
  readonly textStart: number;
  readonly textEnd: number;
  /** Where the next record begins. */
  readonly end: number;
}

/** The record at `at`; undefined when it is not there as a whole, or is none. */
export function localRecordAt(bytes: Buffer, at: number): LocalRecord | undefined {
  if (at + localFrameBytes > bytes.length) return undefined;
  const length = bytes.readUInt32BE(at);
  const end = at + length + 8;
  if (length < stampBytes || end > bytes.length || bytes.readUInt32BE(end - 4) !== length) return undefined;
  return {
    isError: bytes[at + 4] === 2,
    timeNs: bytes.readBigUInt64BE(at + 5),
    textStart: at + localHeadBytes,
    textEnd: end - 4,
    end,
  };
}
