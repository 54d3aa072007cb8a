import { type LocalRecord, localFrameBytes, localRecordAt } from '#keeper';
import { formatTime } from '#std/time';
import { type Decoder, headerLength, type LineOptions, writeHeader } from './decode.ts';

/** A time of nine digits and the space behind it, and the space that stands for no details. */
const longestPrefixBytes = '2026-01-01T00:00:00.123456789Z '.length + 1;

/** Decodes a log in the `local` form. What is damaged there ends the file: lengths are all that says where a record begins. */
export class LocalDecoder implements Decoder {
  past = false;
  readonly #options: LineOptions;
  /** The time of the last record in its printed form: all records of one chunk share it. */
  #time = { ns: -1n, printed: '' };

  constructor(options: LineOptions) {
    this.#options = options;
  }

  decode(chunk: Buffer): { output: Buffer; consumed: number } {
    const records: LocalRecord[] = [];
    let consumed = 0;
    let outputBytes = 0;
    for (let at = 0; !this.past; ) {
      const record = localRecordAt(chunk, at);
      if (record === undefined) break;
      at = record.end;
      consumed = at;
      if (!this.#isWanted(record)) continue;
      records.push(record);
      outputBytes += headerLength + longestPrefixBytes + record.textEnd - record.textStart;
    }
    const output = Buffer.allocUnsafe(outputBytes);
    let written = 0;
    for (const record of records) written = this.#write(chunk, record, output, written);
    return { output: output.subarray(0, written), consumed };
  }

  #isWanted({ isError, timeNs }: LocalRecord): boolean {
    const { stdout, stderr, sinceNs, untilNs } = this.#options;
    if (untilNs !== undefined && timeNs > untilNs) {
      this.past = true;
      return false;
    }
    return (isError ? stderr : stdout) && (sinceNs === undefined || timeNs >= sinceNs);
  }

  #write(chunk: Buffer, record: LocalRecord, output: Buffer, at: number): number {
    const { framed, timestamps, details } = this.#options;
    let position = framed ? at + headerLength : at;
    if (timestamps) position += output.write(`${this.#printed(record.timeNs)} `, position, 'latin1');
    if (details) output[position++] = 0x20;
    position += chunk.copy(output, position, record.textStart, record.textEnd);
    if (framed) writeHeader(output, at, position, record.isError);
    return position;
  }

  #printed(ns: bigint): string {
    if (ns !== this.#time.ns) {
      const [base = '', fraction = ''] = formatTime(ns).slice(0, -1).split('.');
      this.#time = { ns, printed: `${base}.${fraction.padEnd(9, '0')}Z` };
    }
    return this.#time.printed;
  }
}

/** A file that can be read from anywhere. */
export interface ReadableFile {
  readonly sizeBytes: number;
  read(buffer: Buffer, length: number, position: number): Promise<number>;
}

/** Where the last `lines` records of a file begin, and how many of the wish it could not fill. */
export async function localTail(file: ReadableFile, lines: number): Promise<{ offset: number; missing: number }> {
  const trailer = Buffer.alloc(4);
  let offset = file.sizeBytes;
  for (let found = 0; found < lines; found++) {
    if (offset < localFrameBytes) return { offset: 0, missing: lines - found };
    await file.read(trailer, trailer.length, offset - trailer.length);
    const start = offset - trailer.readUInt32BE(0) - 8;
    // A record that is being written, or damage: all that can be read from the front is better than nothing.
    if (start < 0) return { offset: 0, missing: 0 };
    offset = start;
  }
  return { offset, missing: 0 };
}
