import { parseTime } from '#std/time';

/** Turns the bytes of a log into what `GET /containers/{id}/logs` sends. */
export interface Decoder {
  /** True once a line later than `untilNs` was seen: nothing that follows is wanted. */
  readonly past: boolean;
  /** Decodes all complete records of `chunk`; returns the output, and how many bytes of the chunk it stands for. */
  decode(chunk: Buffer): { readonly output: Buffer; readonly consumed: number };
}

/** Which lines of a log are wanted, and in which dress. */
export interface LineOptions {
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly timestamps: boolean;
  /** What the driver keeps with a line (labels, environment, tag) stands before it. */
  readonly details: boolean;
  readonly sinceNs?: bigint;
  readonly untilNs?: bigint;
  /** Docker's 8-byte header before each line; off for a container with a terminal. */
  readonly framed: boolean;
}

const prefixLength = '{"log":"'.length;
const streamMark = Buffer.from('","stream":"std');
const timeMark = Buffer.from('"time":"');
const attributesMark = Buffer.from('"attrs":');
const newline = 0x0a;
const backslash = 0x5c;
export const headerLength = 8;

/** Writes Docker's header of a frame, whose payload ends at `end`, at `at`. */
export function writeHeader(output: Buffer, at: number, end: number, isError: boolean): void {
  output.fill(0, at, at + 4);
  output[at] = isError ? 2 : 1;
  output.writeUInt32BE(end - at - headerLength, at + 4);
}

/** A word of a URL's query, as Go escapes it. */
function queryWord(text: string): string {
  return encodeURIComponent(text.toWellFormed())
    .replace(/[!*'()]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+');
}

/** Attributes as Docker prints them, `a=1,b=2 `; both parts as in a URL's query. */
function printedAttributes(json: string): Buffer {
  let attributes: Record<string, string> = {};
  try {
    attributes = JSON.parse(json) as Record<string, string>;
  } catch {
    // A damaged line must not hide the others.
  }
  const pairs = Object.entries(attributes).map(([key, value]) => `${queryWord(key)}=${queryWord(String(value))}`);
  return Buffer.from(`${pairs.sort().join(',')} `);
}

/**
 * Decodes a json-file log. Works on bytes and copies lines that hold no escape but their newline as they are: decoding JSON
 * line by line would cost ten times as much.
 */
export class JsonDecoder implements Decoder {
  past = false;
  readonly #options: LineOptions;
  readonly #checksTime: boolean;
  /** The attributes of the last line, in their two forms: most often those of the next one too. */
  #attributes: { readonly json: string; readonly printed: Buffer } = { json: '', printed: Buffer.from(' ') };

  constructor(options: LineOptions) {
    this.#options = options;
    this.#checksTime = options.sinceNs !== undefined || options.untilNs !== undefined;
  }

  decode(chunk: Buffer): { output: Buffer; consumed: number } {
    // The JSON around a line is longer than the header and the timestamp that replace it; attributes may grow when printed.
    let output = Buffer.allocUnsafe(chunk.length * (this.#options.details ? 4 : 1));
    let written = 0;
    let start = 0;
    while (!this.past) {
      const end = chunk.indexOf(newline, start);
      if (end === -1) break;
      written = this.#line(chunk, start, end, output, written);
      start = end + 1;
    }
    output = output.subarray(0, written);
    return { output, consumed: start };
  }

  #line(chunk: Buffer, start: number, end: number, output: Buffer, at: number): number {
    const textStart = start + prefixLength;
    const textEnd = chunk.indexOf(streamMark, textStart);
    // A damaged line (cut by a full disk or an editor) must not hide the lines behind it.
    if (textEnd === -1 || textEnd >= end) return at;
    const isError = chunk[textEnd + streamMark.length] === 0x65;
    if (!(isError ? this.#options.stderr : this.#options.stdout)) return at;
    // From the end: an attribute may be called time as well.
    const timeStart = chunk.lastIndexOf(timeMark, end) + timeMark.length;
    const timeEnd = end - 2;
    if (timeStart <= textEnd || timeStart > timeEnd) return at;
    if (this.#checksTime && !this.#inTime(chunk.toString('latin1', timeStart, timeEnd))) return at;
    let position = this.#options.framed ? at + headerLength : at;
    if (this.#options.timestamps) {
      position += chunk.copy(output, position, timeStart, timeEnd);
      output[position++] = 0x20;
    }
    if (this.#options.details) position = this.#printAttributes(chunk, textEnd, timeStart, output, position);
    position = copyText(chunk, textStart, textEnd, output, position);
    if (this.#options.framed) writeHeader(output, at, position, isError);
    return position;
  }

  #printAttributes(chunk: Buffer, from: number, to: number, output: Buffer, at: number): number {
    const mark = chunk.indexOf(attributesMark, from);
    const found = mark !== -1 && mark < to;
    const json = found ? chunk.toString('utf8', mark + attributesMark.length, to - timeMark.length - 1) : '{}';
    if (json !== this.#attributes.json) this.#attributes = { json, printed: printedAttributes(json) };
    return at + this.#attributes.printed.copy(output, at);
  }

  #inTime(text: string): boolean {
    const time = parseTime(text) ?? 0n;
    const { sinceNs, untilNs } = this.#options;
    if (untilNs !== undefined && time > untilNs) {
      this.past = true;
      return false;
    }
    return sinceNs === undefined || time >= sinceNs;
  }
}

function copyText(chunk: Buffer, start: number, end: number, output: Buffer, at: number): number {
  const slash = chunk.indexOf(backslash, start);
  if (slash === -1 || slash >= end) return at + chunk.copy(output, at, start, end);
  if (slash === end - 2 && chunk[end - 1] === 0x6e) {
    const position = at + chunk.copy(output, at, start, slash);
    output[position] = newline;
    return position + 1;
  }
  try {
    return at + output.write(JSON.parse(`"${chunk.toString('utf8', start, end)}"`) as string, at);
  } catch {
    return at + chunk.copy(output, at, start, end);
  }
}
