/**
 * Records of Docker's json-file log, byte for byte as Docker writes them: one JSON object a line of output,
 * `{"log":"text\n","stream":"stdout","time":"2026-01-01T00:00:00.123456789Z"}`. It works on bytes, because a container
 * that writes fast would else spend the keeper's time on strings.
 */
import { formatTime } from '#std/time';

export type StreamName = 'stdout' | 'stderr';

/** A line longer than this becomes several records; all but the last carry no newline. */
export const longestLineBytes = 16 * 1024;
/** Room that one record may need: every byte escaped to six. */
export const largestRecordBytes = longestLineBytes * 6 + 128;

const newline = 0x0a;
const prefix = Buffer.from('{"log":"');
const hexDigits = Buffer.from('0123456789abcdef');
const replacement = Buffer.from('\\ufffd');

/** Bytes that cannot be copied as they are: controls, `"`, `\`, `<`, `>`, `&`, and all that is not ASCII. */
const special = new Uint8Array(256);
special.fill(1, 0, 0x20);
special.fill(1, 0x80);
for (const character of '"\\<>&') special[character.charCodeAt(0)] = 1;

/** Everything of a record behind its text; one for a whole chunk, whose lines share stream and time. */
export function recordSuffix(stream: StreamName, timeNs: bigint): Buffer {
  // Nine digits always: readers show the time as it stands, and columns should not dance.
  const [base = '', fraction = ''] = formatTime(timeNs).slice(0, -1).split('.');
  return recordSuffixAt(stream, `${base}.${fraction.padEnd(9, '0')}Z`);
}

/** The same for a time that is in its written form already. */
export function recordSuffixAt(stream: StreamName, time: string): Buffer {
  return Buffer.from(`","stream":"${stream}","time":"${time}"}\n`);
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
  source: Uint8Array,
  length: number,
  suffix: Uint8Array,
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
    if (end + prefix.length + (lineEnd - position) * 6 + suffix.length > target.length) break;
    const recordEnd = formatRecord(source, position, lineEnd, suffix, target, end);
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

function formatRecord(
  source: Uint8Array,
  start: number,
  end: number,
  suffix: Uint8Array,
  target: Uint8Array,
  at: number,
): number {
  let out = at;
  for (let index = 0; index < prefix.length; index++) target[out++] = prefix[index] ?? 0;
  let position = start;
  while (position < end) {
    const byte = source[position] ?? 0;
    if (special[byte] === 0) {
      target[out++] = byte;
      position++;
    } else if (byte < 0x80) {
      out = escapeAscii(byte, target, out);
      position++;
    } else {
      const size = sequenceLength(source, position, end);
      out = escapeSequence(source, position, size, target, out);
      position += Math.max(size, 1);
    }
  }
  for (let index = 0; index < suffix.length; index++) target[out++] = suffix[index] ?? 0;
  return out;
}

function escapeAscii(byte: number, target: Uint8Array, at: number): number {
  let out = at;
  target[out++] = 0x5c;
  if (byte === newline) target[out++] = 0x6e;
  else if (byte === 0x0d) target[out++] = 0x72;
  else if (byte === 0x22 || byte === 0x5c) target[out++] = byte;
  else {
    target[out++] = 0x75;
    target[out++] = 0x30;
    target[out++] = 0x30;
    target[out++] = hexDigits[byte >> 4] ?? 0;
    target[out++] = hexDigits[byte & 15] ?? 0;
  }
  return out;
}

/** Copies a character of several bytes; what is no character becomes U+FFFD, and the two separators are escaped. */
function escapeSequence(source: Uint8Array, start: number, size: number, target: Uint8Array, at: number): number {
  let out = at;
  if (size === 0) {
    for (let index = 0; index < 6; index++) target[out++] = replacement[index] ?? 0;
    return out;
  }
  const last = source[start + 2] ?? 0;
  if (size === 3 && source[start] === 0xe2 && source[start + 1] === 0x80 && (last === 0xa8 || last === 0xa9)) {
    for (const character of [0x5c, 0x75, 0x32, 0x30, 0x32, last === 0xa8 ? 0x38 : 0x39]) target[out++] = character;
    return out;
  }
  for (let index = 0; index < size; index++) target[out++] = source[start + index] ?? 0;
  return out;
}

/** Length of the UTF-8 sequence at `start` (RFC 3629, section 4); 0 when the bytes there are none. */
function sequenceLength(source: Uint8Array, start: number, end: number): number {
  const first = source[start] ?? 0;
  const size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || start + size > end) return 0;
  const second = source[start + 1] ?? 0;
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < low || second > high) return 0;
  for (let index = 2; index < size; index++) {
    if (((source[start + index] ?? 0) & 0xc0) !== 0x80) return 0;
  }
  return size;
}
