import { parseTime } from '#std/time';

/** Which lines of a log are wanted, and in which dress. */
export interface LineOptions {
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly timestamps: boolean;
  readonly sinceNs?: bigint;
  readonly untilNs?: bigint;
  /** Docker's 8-byte header before each line; off for a container with a terminal. */
  readonly framed: boolean;
}

const prefixLength = '{"log":"'.length;
const streamMark = Buffer.from('","stream":"std');
const timeMark = Buffer.from('","time":"');
const newline = 0x0a;
const backslash = 0x5c;
const headerLength = 8;

/**
 * Turns the bytes of a json-file log into what `GET /containers/{id}/logs` sends. Works on bytes and copies lines that
 * hold no escape but their newline as they are: decoding JSON line by line would cost ten times as much.
 */
export class LineDecoder {
  /** True once a line later than `untilNs` was seen: nothing that follows is wanted. */
  past = false;
  readonly #options: LineOptions;
  readonly #checksTime: boolean;

  constructor(options: LineOptions) {
    this.#options = options;
    this.#checksTime = options.sinceNs !== undefined || options.untilNs !== undefined;
  }

  /** Decodes all complete lines of `chunk`; returns the output, and how many bytes of the chunk it stands for. */
  decode(chunk: Buffer): { output: Buffer; consumed: number } {
    // The JSON around a line is longer than the header and the timestamp that replace it, so this is always enough.
    const output = Buffer.allocUnsafe(chunk.length);
    let written = 0;
    let start = 0;
    while (!this.past) {
      const end = chunk.indexOf(newline, start);
      if (end === -1) break;
      written = this.#line(chunk, start, end, output, written);
      start = end + 1;
    }
    return { output: output.subarray(0, written), consumed: start };
  }

  #line(chunk: Buffer, start: number, end: number, output: Buffer, at: number): number {
    const textStart = start + prefixLength;
    const textEnd = chunk.indexOf(streamMark, textStart);
    // A damaged line (cut by a full disk or an editor) must not hide the lines behind it.
    if (textEnd === -1 || textEnd >= end) return at;
    const isError = chunk[textEnd + streamMark.length] === 0x65;
    if (!(isError ? this.#options.stderr : this.#options.stdout)) return at;
    const timeStart = chunk.indexOf(timeMark, textEnd + streamMark.length) + timeMark.length;
    const timeEnd = end - 2;
    if (this.#checksTime && !this.#inTime(chunk.toString('latin1', timeStart, timeEnd))) return at;
    let position = this.#options.framed ? at + headerLength : at;
    if (this.#options.timestamps) {
      position += chunk.copy(output, position, timeStart, timeEnd);
      output[position++] = 0x20;
    }
    position = copyText(chunk, textStart, textEnd, output, position);
    if (this.#options.framed) {
      output.fill(0, at, at + 4);
      output[at] = isError ? 2 : 1;
      output.writeUInt32BE(position - at - headerLength, at + 4);
    }
    return position;
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
