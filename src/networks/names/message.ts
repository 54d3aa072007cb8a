/**
 * DNS messages (RFC 1035) as far as a server that answers for few names needs them: the question is read where it lies, and
 * the answer is written behind it. Everything else of a message is passed on as it came.
 */
export const headerBytes = 12;
/** Types of records (RFC 1035, 3596). */
export const recordType = { a: 1, ptr: 12, mx: 15, aaaa: 28 } as const;
/** Codes of an answer (RFC 1035, section 4.1.1). */
export const responseCode = {
  done: 0,
  badFormat: 1,
  failure: 2,
  notImplemented: 4,
  refused: 5,
} as const;

const response = 0x8000;
const operationMask = 0x7800;
const truncation = 0x200;
const recursionDesired = 0x100;
const recursionAvailable = 0x80;
const checkingDisabled = 0x10;
const internetClass = 1;
const optionType = 41;
const pointerToQuestion = 0xc00c;
const longestName = 255;
const longestLabel = 63;
/** What a client takes over UDP when it does not say more (RFC 1035, section 4.2.1). */
const plainDatagramBytes = 512;
/** Seconds for which a client may keep the answer for a name of ours; Docker's. */
const timeToLive = 600;

/** The question of a query that is well formed. */
export interface Question {
  /** The name as it is in messages, labels behind their lengths, in small letters, each byte a character. */
  name: string;
  type: number;
  /** Where the question ends, counted from the message's begin. */
  end: number;
}

/** What a message is: a query (its question is in `question` then), or to be dropped, or to be answered with a code alone. */
export type Reading = 'query' | 'drop' | 'bad' | 'unknown operation';

/** Reads the message of `length` bytes at `start`, and puts its question into `question`. */
export function readQuery(bytes: Buffer, start: number, length: number, question: Question): Reading {
  if (length < headerBytes) return 'drop';
  const flags = bytes.readUInt16BE(start + 2);
  if ((flags & response) !== 0) return 'drop';
  const operation = (flags & operationMask) >> 11;
  // Beside queries there are notifications (RFC 1996), which have the same form.
  if (operation !== 0 && operation !== 4) return 'unknown operation';
  // At most one record may be with it in the first two sections, and two in the third (EDNS, a signature).
  if (bytes.readUInt16BE(start + 4) !== 1 || bytes.readUInt16BE(start + 6) > 1) return 'bad';
  if (bytes.readUInt16BE(start + 8) > 1 || bytes.readUInt16BE(start + 10) > 2) return 'bad';
  const end = nameEnd(bytes, start + headerBytes, start + length);
  if (end === undefined || end + 4 > start + length) return 'bad';
  question.name = bytes.toString('latin1', start + headerBytes, end).toLowerCase();
  question.type = bytes.readUInt16BE(end);
  question.end = end + 4 - start;
  return 'query';
}

/** Where the name at `at` ends; undefined for one that is too long, cut off or compressed: in a question nothing is before it. */
function nameEnd(bytes: Buffer, at: number, limit: number): number | undefined {
  for (let position = at; position < limit; ) {
    const length = bytes[position] ?? 0;
    if (length === 0) return position + 1 - at > longestName ? undefined : position + 1;
    if (length > longestLabel) return undefined;
    position += 1 + length;
  }
  return undefined;
}

/** A name as it is in messages, in small letters; undefined for one that no message can carry. */
export function encodeName(text: string): string | undefined {
  const name = encodeLabels(text.replace(/\.$/, ''));
  return name?.toLowerCase();
}

function encodeLabels(text: string): string | undefined {
  let result = '';
  for (const label of text.split('.')) {
    const bytes = Buffer.from(label).toString('latin1');
    if (bytes.length === 0 || bytes.length > longestLabel) return undefined;
    result += String.fromCharCode(bytes.length) + bytes;
  }
  return result.length + 1 > longestName ? undefined : `${result}\0`;
}

function record(type: number, data: Buffer): Buffer {
  const result = Buffer.alloc(12 + data.length);
  result.writeUInt16BE(pointerToQuestion, 0);
  result.writeUInt16BE(type, 2);
  result.writeUInt16BE(internetClass, 4);
  result.writeUInt32BE(timeToLive, 6);
  result.writeUInt16BE(data.length, 10);
  data.copy(result, 12);
  return result;
}

/** A record of the asked name with an IPv4 (4 bytes) or IPv6 (16 bytes) address. */
export function addressRecord(address: Buffer): Buffer {
  return record(address.length === 4 ? recordType.a : recordType.aaaa, address);
}

/** A record that names what the asked address belongs to; undefined for a name that no message can carry. */
export function pointerRecord(name: string): Buffer | undefined {
  const encoded = encodeLabels(name);
  return encoded === undefined ? undefined : record(recordType.ptr, Buffer.from(encoded, 'latin1'));
}

/** The name by which an address (4 or 16 bytes) is asked for, as it is in messages. */
export function reverseName(address: Buffer): string {
  const labels = address.length === 4 ? [...address].reverse().map(String) : [...address.toString('hex')].reverse();
  return encodeName([...labels, address.length === 4 ? 'in-addr' : 'ip6', 'arpa'].join('.')) ?? '';
}

/** How many bytes of an answer the sender of a query takes over UDP: 512, or what its EDNS record says (RFC 6891). */
export function datagramLimit(bytes: Buffer, start: number, length: number, question: Question): number {
  const at = start + question.end;
  if (bytes.readUInt16BE(start + 10) === 0 || at + 11 > start + length) return plainDatagramBytes;
  // The record of EDNS belongs to the root, a name of one zero byte.
  if (bytes[at] !== 0 || bytes.readUInt16BE(at + 1) !== optionType) return plainDatagramBytes;
  return Math.max(plainDatagramBytes, bytes.readUInt16BE(at + 3));
}

/**
 * Turns the query at `start` into its answer, in the same place: header, question, and as many of the records as go into
 * `limit` bytes. Returns the answer's length.
 */
export function writeAnswer(
  bytes: Buffer,
  start: number,
  question: Question,
  records: readonly Buffer[],
  limit: number,
): number {
  let at = start + question.end;
  let count = 0;
  for (const part of records) {
    if (at + part.length > start + limit) break;
    bytes.set(part, at);
    at += part.length;
    count++;
  }
  const asked = bytes.readUInt16BE(start + 2);
  const kept = (asked & operationMask) === 0 ? asked & (recursionDesired | checkingDisabled) : asked & operationMask;
  const cut = count < records.length ? truncation : 0;
  bytes.writeUInt16BE(response | kept | recursionAvailable | cut, start + 2);
  bytes.writeUInt16BE(count, start + 6);
  bytes.writeUInt32BE(0, start + 8);
  return at - start;
}

/** Turns the query at `start` into an answer that is only a code, with its question. Returns the answer's length. */
export function writeFailure(bytes: Buffer, start: number, question: Question, code: number): number {
  bytes.writeUInt16BE(
    response | (bytes.readUInt16BE(start + 2) & (operationMask | recursionDesired)) | code,
    start + 2,
  );
  bytes.writeUInt32BE(0, start + 6);
  bytes.writeUInt16BE(0, start + 10);
  return question.end;
}

/** Turns the message at `start` into an answer that is only a code: nothing of the question is repeated. */
export function writeRefusal(bytes: Buffer, start: number, code: number): number {
  writeFailure(bytes, start, { name: '', type: 0, end: headerBytes }, code);
  bytes.writeUInt16BE(0, start + 4);
  return headerBytes;
}
