/** The packet that ends a transfer has a type and nothing else. */
export const lastWordBytes = 2;

/** A watcher is told no more often, so that a packet costs nothing. */
const pauseMs = 50;

/** Counts what a sender sends as BuildKit does for its progress: all bytes of its packets, with the one that is its last word. */
export class ToldTransfer {
  readonly #onTransfer: ((bytes: number) => void) | undefined;
  #bytes = 0;
  #toldMs = 0;

  constructor(onTransfer: ((bytes: number) => void) | undefined) {
    this.#onTransfer = onTransfer;
  }

  async *counted(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const piece of source) {
      this.#bytes += piece.length;
      const nowMs = performance.now();
      if (nowMs - this.#toldMs > pauseMs) {
        this.#toldMs = nowMs;
        this.#onTransfer?.(this.#bytes);
      }
      yield piece;
    }
  }

  /** All has come but the last word. */
  finish(): void {
    this.#onTransfer?.(this.#bytes + lastWordBytes);
    this.#toldMs = Number.POSITIVE_INFINITY;
  }
}
