import { closeSync, ftruncateSync, writeSync } from 'node:fs';
import type { TarEntry } from '#oci';
import { isHole } from './zeroes.ts';

function writeAll(descriptor: number, chunk: Buffer, position: number): void {
  for (let written = 0; written < chunk.length; ) {
    written += writeSync(descriptor, chunk, written, chunk.length - written, position + written);
  }
}

/** Writes the contents of a tar's entry into a new file, holes as holes: it knows where the next piece goes. */
export class EntryWriter {
  #extent = 0;
  #within = 0;
  #endsInHole = false;

  constructor(
    readonly descriptor: number,
    readonly entry: TarEntry,
  ) {}

  write(chunk: Buffer): void {
    if (this.entry.sparse !== undefined) {
      this.#writeSparse(chunk, this.entry.sparse);
      return;
    }
    this.#endsInHole = isHole(chunk);
    if (!this.#endsInHole) writeAll(this.descriptor, chunk, this.#within);
    this.#within += chunk.length;
  }

  #writeSparse(chunk: Buffer, extents: readonly { offset: number; length: number }[]): void {
    let rest = chunk;
    while (rest.length > 0) {
      const extent = extents[this.#extent];
      if (extent === undefined) return;
      const piece = rest.subarray(0, extent.length - this.#within);
      writeAll(this.descriptor, piece, extent.offset + this.#within);
      rest = rest.subarray(piece.length);
      this.#within += piece.length;
      if (this.#within === extent.length) {
        this.#extent += 1;
        this.#within = 0;
      }
    }
  }

  /** All of it is there: `seal` is called while it is still open. */
  close(seal: () => void): void {
    try {
      if (this.entry.sparse !== undefined || this.#endsInHole) ftruncateSync(this.descriptor, this.entry.sizeBytes);
      seal();
    } finally {
      closeSync(this.descriptor);
    }
  }
}
