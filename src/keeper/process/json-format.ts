/**
 * Records of Docker's json-file log, byte for byte as Docker writes them: one JSON object a line of output,
 * `{"log":"text\n","stream":"stdout","time":"2026-01-01T00:00:00.123456789Z"}`. It works on bytes, because a container
 * that writes fast would else spend the keeper's time on strings.
 */
import { formatTime } from '#std/time';
import type { RecordFormat, StreamName } from './records.ts';

const newline = 0x0a;
const suffixTail = '"}\n'.length;
const timeBytes = '2026-01-01T00:00:00.123456789Z'.length;
const prefix = Buffer.from('{"log":"');
const hexDigits = Buffer.from('0123456789abcdef');
const replacement = Buffer.from('\\ufffd');

/** Bytes that cannot be copied as they are: controls, `"`, `\`, `<`, `>`, `&`, and all that is not ASCII. */
const special = new Uint8Array(256);
special.fill(1, 0, 0x20);
special.fill(1, 0x80);
for (const character of '"\\<>&') special[character.charCodeAt(0)] = 1;

/** Everything of a record behind its text, for a time in its written form. */
function suffixAt(stream: StreamName, attributes: string, time: string): Buffer {
  return Buffer.from(`","stream":"${stream}",${attributes}"time":"${time}"}\n`);
}

/** The records of Docker's json-file driver. `attributes`: a JSON object's text that each record carries, as Docker's labels and tags do. */
export function jsonFormat(attributes?: string): RecordFormat {
  const extra = attributes === undefined ? '' : `"attrs":${attributes},`;
  return {
    stamp(stream, timeNs) {
      // Nine digits always: readers show the time as it stands, and columns should not dance.
      const [base = '', fraction = ''] = formatTime(timeNs).slice(0, -1).split('.');
      return suffixAt(stream, extra, `${base}.${fraction.padEnd(9, '0')}Z`);
    },
    stampOf(stream, records) {
      const end = records.length - suffixTail;
      return suffixAt(stream, extra, records.toString('latin1', end - timeBytes, end));
    },
    wholeRecords: (records, limit) =>
      records.length <= limit ? records.length : records.subarray(0, Math.max(limit, 0)).lastIndexOf(newline) + 1,
    largestBytes: (textBytes, stamp) => prefix.length + textBytes * 6 + stamp.length,
    write: writeRecord,
  };
}

function writeRecord(
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
