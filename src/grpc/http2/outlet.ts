import type { Duplex } from 'node:stream';

/** From here on a write is worth its system call at once. */
const writeBytes = 128 * 1024;
/** What may wait for a peer that reads nothing: answers to its pings and settings; beyond that it is no peer. */
const unreadLimitBytes = 4 * 1024 * 1024;
/** How long a peer may take to close its side when we have closed ours. */
const partingMs = 1000;

/** Gathers frames into few writes, and knows when the other side takes no more. */
export class Outlet {
  readonly #duplex: Duplex;
  readonly #onRoom: () => void;
  readonly #onFlooded: () => void;
  #parts: Uint8Array[] = [];
  #bytes = 0;
  #scheduled = false;
  #closed = false;

  constructor(duplex: Duplex, events: { onRoom: () => void; onFlooded: () => void }) {
    this.#duplex = duplex;
    this.#onRoom = events.onRoom;
    this.#onFlooded = events.onFlooded;
    duplex.on('drain', () => this.#onRoom());
  }

  /** Whether data should wait for `onRoom`. */
  get isFull(): boolean {
    return this.#closed || this.#duplex.writableNeedDrain;
  }

  /** Takes the parts of a frame; they go out when this turn of the loop is over, or as soon as there are enough. */
  write(...parts: readonly Uint8Array[]): void {
    if (this.#closed) return;
    for (const part of parts) {
      this.#parts.push(part);
      this.#bytes += part.byteLength;
    }
    if (this.#bytes >= writeBytes) this.flush();
    else if (!this.#scheduled) {
      this.#scheduled = true;
      // A microtask would come between any two messages of a sender that waits for each.
      setImmediate(() => this.flush());
    }
  }

  flush(): void {
    this.#scheduled = false;
    if (this.#bytes === 0 || this.#closed) return;
    const [first = Buffer.alloc(0)] = this.#parts;
    const whole = this.#parts.length === 1 ? first : Buffer.concat(this.#parts, this.#bytes);
    this.#parts = [];
    this.#bytes = 0;
    this.#duplex.write(whole);
    if (this.#duplex.writableLength > unreadLimitBytes) this.#onFlooded();
  }

  /** Ends the connection. What is written last may still arrive; a peer that neither reads nor closes is not waited for. */
  close(): void {
    this.flush();
    this.#closed = true;
    const duplex = this.#duplex;
    if (duplex.destroyed) return;
    const timer = setTimeout(() => duplex.destroy(), partingMs);
    timer.unref();
    duplex.on('close', () => clearTimeout(timer));
    duplex.end(() => {
      if (duplex.readableEnded) duplex.destroy();
      else duplex.on('end', () => duplex.destroy());
    });
  }
}
