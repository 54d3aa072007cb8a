/** How output is cut into records, whatever their form. */
export type StreamName = 'stdout' | 'stderr';

/** A line longer than this becomes several records; all but the last carry no newline. */
export const longestLineBytes = 16 * 1024;

const newline = 0x0a;

/** One form of a log's records. Works on bytes: a container that writes fast would else spend the keeper's time on strings. */
export interface RecordFormat {
  /** What all records of one chunk and stream share: made once, and passed to `write`. */
  stamp(stream: StreamName, timeNs: bigint): Uint8Array;
  /** The stamp with the time of the last record in `records`, which hold at least one. */
  stampOf(stream: StreamName, records: Buffer): Uint8Array;
  /** The most that a record of so many bytes of text may take. */
  largestBytes(textBytes: number, stamp: Uint8Array): number;
  /** How many bytes the whole records of `records` take that end within `limit`. */
  wholeRecords(records: Uint8Array, limit: number): number;
  /** Writes one record of `source[start, end)` to `target` from `at` on; returns where it ends. */
  write(source: Uint8Array, start: number, end: number, stamp: Uint8Array, target: Uint8Array, at: number): number;
}

/** How much of the source became records. */
export interface Formatted {
  /** Bytes of the source that the records stand for. */
  readonly consumed: number;
  /** Where the records end in the target. */
  readonly end: number;
}

/**
 * Writes records for the lines of `source[0, length)` to `target` from `at` on, as many as end before `limit`; the
 * first one in `target` is written whatever its length. A last line without its newline waits for the rest, unless `final` or longer than a record may be.
 */
export function formatRecords(
  format: RecordFormat,
  source: Uint8Array,
  length: number,
  stamp: Uint8Array,
  target: Uint8Array,
  at: number,
  limit: number,
  final: boolean,
): Formatted {
  let position = 0;
  let end = at;
  while (position < length) {
    const found = source.indexOf(newline, position);
    const complete = found !== -1 && found < length;
    let lineEnd = complete ? found + 1 : length;
    if (lineEnd - position > longestLineBytes + (complete ? 1 : 0)) {
      lineEnd = wholeCharacters(source, position, position + longestLineBytes);
    } else if (!complete && !final && lineEnd - position < longestLineBytes) {
      break;
    }
    if (end + format.largestBytes(lineEnd - position, stamp) > target.length) break;
    const recordEnd = format.write(source, position, lineEnd, stamp, target, end);
    if (recordEnd > limit && end > 0) break;
    end = recordEnd;
    position = lineEnd;
  }
  return { consumed: position, end };
}

/** Length of `source[0, length)` without a UTF-8 sequence at its end whose rest is still to come. */
export function withoutCutCharacter(source: Uint8Array, length: number): number {
  for (let back = 1; back <= 3 && back <= length; back++) {
    const byte = source[length - back] ?? 0;
    if (byte < 0x80) return length;
    if (byte >= 0xc0) return back < (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) ? length - back : length;
  }
  return length;
}

/** Moves a cut so that it does not fall inside a UTF-8 sequence. */
function wholeCharacters(source: Uint8Array, start: number, end: number): number {
  for (let back = 0; back < 4 && end - back > start; back++) {
    if (((source[end - back] ?? 0) & 0xc0) !== 0x80) return end - back;
  }
  return end;
}
