import { closeSync, openSync, readSync } from 'node:fs';

const pieceBytes = 16 * 1024;

/**
 * The names of the devices of the network namespace that the calling thread is in when it is opened. Reading it waits for
 * nothing, while netlink waits for whoever changes a device just then.
 */
export class DeviceList implements Disposable {
  readonly #descriptor = openSync('/proc/thread-self/net/dev', 'r');

  /** Whether there is a device of that name. */
  has(name: string): boolean {
    const pieces: Buffer[] = [];
    for (let position = 0; ; ) {
      const piece = Buffer.alloc(pieceBytes);
      const length = readSync(this.#descriptor, piece, 0, pieceBytes, position);
      if (length === 0) break;
      pieces.push(piece.subarray(0, length));
      position += length;
    }
    const lines = Buffer.concat(pieces).toString('latin1').split('\n');
    return lines.some((line) => line.trimStart().startsWith(`${name}:`));
  }

  [Symbol.dispose](): void {
    closeSync(this.#descriptor);
  }
}
