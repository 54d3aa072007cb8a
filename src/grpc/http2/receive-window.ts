import { ProtocolFault, resetCodes } from './frames.ts';

/** What the other side may still send (RFC 9113, 5.2): on one stream, or on all of them together. */
export class ReceiveWindow {
  readonly #sizeBytes: number;
  #leftBytes: number;
  #uncreditedBytes = 0;

  constructor(sizeBytes: number) {
    this.#sizeBytes = sizeBytes;
    this.#leftBytes = sizeBytes;
  }

  /** So many bytes have come. Throws `ProtocolFault` for more than there was room for. */
  take(bytes: number): void {
    this.#leftBytes -= bytes;
    if (this.#leftBytes < 0) throw new ProtocolFault(resetCodes.flowControl, 'more data than the window has room for');
  }

  /** So many bytes are done with. Gives by how much the window grows now; 0 until it is worth a frame. */
  credit(bytes: number): number {
    this.#uncreditedBytes += bytes;
    if (this.#uncreditedBytes < this.#sizeBytes / 4) return 0;
    const growth = this.#uncreditedBytes;
    this.#leftBytes += growth;
    this.#uncreditedBytes = 0;
    return growth;
  }
}
