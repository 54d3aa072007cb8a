import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';

/** A chunk of output that is being moved from the FIFOs to the log. */
export interface Chunk {
  /** Where in the log file the chunk's records begin, and how long they are. */
  readonly logOffset: number;
  readonly recordBytes: number;
  /** How many bytes at the head of each FIFO the records stand for. */
  readonly stdoutBytes: number;
  readonly stderrBytes: number;
}

const markSize = 40;
const cleared = Buffer.alloc(8);

/**
 * Tells a next keeper what this one was doing when it was killed. A chunk is copied out of the FIFOs, marked, written
 * to the log, consumed from the FIFOs, and the mark cleared: whichever of these steps was the last, the next keeper can
 * finish the chunk, or do it over, without losing or doubling a line.
 */
export class ChunkMark {
  readonly #path: string;
  readonly #buffer = Buffer.alloc(markSize);
  #file: number | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  set(chunk: Chunk): void {
    this.#buffer.writeDoubleLE(1, 0);
    this.#buffer.writeDoubleLE(chunk.logOffset, 8);
    this.#buffer.writeDoubleLE(chunk.recordBytes, 16);
    this.#buffer.writeDoubleLE(chunk.stdoutBytes, 24);
    this.#buffer.writeDoubleLE(chunk.stderrBytes, 32);
    writeSync(this.#open(), this.#buffer, 0, markSize, 0);
  }

  clear(): void {
    writeSync(this.#open(), cleared, 0, cleared.length, 0);
  }

  /** The chunk that a dead keeper left unfinished. */
  read(): Chunk | undefined {
    if (readSync(this.#open(), this.#buffer, 0, markSize, 0) < markSize || this.#buffer.readDoubleLE(0) !== 1) {
      return undefined;
    }
    return {
      logOffset: this.#buffer.readDoubleLE(8),
      recordBytes: this.#buffer.readDoubleLE(16),
      stdoutBytes: this.#buffer.readDoubleLE(24),
      stderrBytes: this.#buffer.readDoubleLE(32),
    };
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  #open(): number {
    this.#file ??= openSync(this.#path, constants.O_RDWR | constants.O_CREAT, 0o600);
    return this.#file;
  }
}
