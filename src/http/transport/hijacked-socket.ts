import type { Socket } from 'node:net';
import { StreamSocket } from '#linux/stream-socket';
import { fail, messageOf } from '#std/errors';
import { log } from '#std/log';
import type { SocketWriter } from './socket-writer.ts';

/** A connection that is taken over: a write is done when more is taken, an end when all is. */
export interface HijackedSocket extends Disposable {
  /** Rejects with `cancelled` when the client is gone. */
  write(chunk: Uint8Array): Promise<void>;
  /** Half-closes once the kernel has all of it. */
  end(): Promise<void>;
}

/** How seldom it is looked whether a client that takes nothing has gone on. */
const longestPauseMs = 32;
/** How often it is looked at once: a client that reads is at work right now. */
const busyTurns = 8;

function pause(turn: number): Promise<void> {
  return new Promise((resolve) => {
    if (turn < busyTurns) setImmediate(resolve);
    else setTimeout(resolve, Math.min(2 ** (turn - busyTurns), longestPauseMs));
  });
}

/**
 * Writes to the kernel's socket without Bun between: of a connection whose client has closed its half, Bun (1.4) may keep
 * bytes that it calls written, and drop them when that connection is ended.
 */
class DirectSocket implements HijackedSocket {
  readonly #kernel: StreamSocket;

  constructor(
    readonly socket: Socket,
    descriptor: number,
  ) {
    this.#kernel = new StreamSocket(descriptor);
  }

  async write(chunk: Uint8Array): Promise<void> {
    let rest = chunk;
    for (let turn = 0; rest.length > 0; ) {
      if (this.socket.destroyed) throw fail('cancelled', 'the client went away');
      const sent = this.#kernel.send(rest);
      if (sent === undefined) throw fail('cancelled', 'the client went away');
      rest = rest.subarray(sent);
      turn = sent > 0 ? 0 : turn + 1;
      if (rest.length > 0) await pause(turn);
    }
  }

  async end(): Promise<void> {
    this.#kernel.end();
  }

  [Symbol.dispose](): void {
    this.#kernel[Symbol.dispose]();
  }
}

/** Over TLS the bytes are not the kernel's; and where no descriptor is left, the stream of the socket has to do. */
class StreamedSocket implements HijackedSocket {
  constructor(
    readonly socket: Socket,
    readonly writer: SocketWriter,
  ) {}

  write(chunk: Uint8Array): Promise<void> {
    return this.writer.write(chunk);
  }

  async end(): Promise<void> {
    await this.writer.flush();
    this.socket.end();
  }

  [Symbol.dispose](): void {}
}

/** Takes a connection over; `writer` wrote its head. */
export async function openHijackedSocket(socket: Socket, writer: SocketWriter): Promise<HijackedSocket> {
  await writer.flush();
  const { encrypted, _handle } = socket as unknown as { encrypted?: boolean; _handle?: { fd?: number } | null };
  const descriptor = _handle?.fd ?? -1;
  if (encrypted === true || descriptor < 0) return new StreamedSocket(socket, writer);
  try {
    return new DirectSocket(socket, descriptor);
  } catch (error) {
    log('warn', 'a connection is served without a descriptor of its own', { error: messageOf(error) });
    return new StreamedSocket(socket, writer);
  }
}
