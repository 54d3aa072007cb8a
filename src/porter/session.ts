import { connect, type Socket } from 'node:net';
import { fail, kindNamed } from '#std/errors';
import { type Frame, type FrameError, FrameWriter, type PorterRequest, readFrames } from './protocol.ts';

/**
 * A porter that has not said that it begins at so many looks is stuck in the kernel, and with it all that it does. One look
 * a turn of the engine's own loop: an engine that was itself held up has not waited for the porter.
 */
const acceptLooks = 10;
const lookIntervalMs = 200;
/** One that works all the while has much to do, and is waited for longer. */
const busyLooks = 100;

function broken(): Error {
  return fail('unavailable', 'the porter ended before its work was done');
}

/** One piece of work that a porter does, over a connection of its own. */
export class Session {
  readonly #socket: Socket;
  readonly #writer: FrameWriter;
  readonly #frames: AsyncGenerator<Frame, void, undefined>;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#writer = new FrameWriter(socket);
    this.#frames = readFrames(socket as AsyncIterable<Buffer>);
  }

  /**
   * Connects and hands the work over. Undefined when the porter does not take it up; rejects when nobody listens. `isBusy` tells
   * whether the porter works just now.
   */
  static async open(socketPath: string, request: PorterRequest, isBusy: () => boolean): Promise<Session | undefined> {
    const socket = connect({ path: socketPath, allowHalfOpen: true });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    socket.on('error', () => socket.destroy());
    const session = new Session(socket);
    let isLate = false;
    let looks = 0;
    let idleLooks = 0;
    const timer = setInterval(() => {
      looks += 1;
      if (!isBusy()) idleLooks += 1;
      isLate = idleLooks >= acceptLooks || looks >= busyLooks;
      if (isLate) socket.destroy();
    }, lookIntervalMs);
    try {
      socket.write(`${JSON.stringify(request)}\n`);
      await session.#next();
      return session;
    } catch (error) {
      if (isLate) return undefined;
      throw error;
    } finally {
      clearInterval(timer);
    }
  }

  /** Ends it, at whatever point it is. */
  close(): void {
    this.#socket.destroy();
  }

  /** The JSON of the head frame; rejects with the error that came instead. */
  async head(): Promise<unknown> {
    const frame = await this.#next();
    if (frame.kind === 'result') this.#finish(frame);
    return JSON.parse(frame.payload.toString());
  }

  /** All data to its end; rejects when the porter failed or broke off. */
  async *data(): AsyncGenerator<Buffer, void, undefined> {
    try {
      for (;;) {
        const frame = await this.#next();
        if (frame.kind === 'result') {
          this.#finish(frame);
          return;
        }
        yield frame.payload;
      }
    } finally {
      this.close();
    }
  }

  /** Sends all data and waits for the result, which may come before all is sent. */
  async send(source: AsyncIterable<Uint8Array>): Promise<void> {
    let isOver = false;
    const pump = async (): Promise<void> => {
      for await (const chunk of source) {
        if (isOver) return;
        await this.#writer.write('data', chunk);
      }
      await this.#writer.write('end');
    };
    const pumped = pump();
    // A porter that fails closes the connection under the pump: then its result says why.
    const failed = pumped.then(
      () => new Promise<never>(() => undefined),
      (error: unknown) => {
        if (this.#socket.destroyed) return new Promise<never>(() => undefined);
        throw error;
      },
    );
    try {
      const frame = await Promise.race([this.#next(), failed]);
      this.#finish(frame);
    } finally {
      isOver = true;
      this.close();
    }
  }

  #finish(frame: Frame): void {
    const { error } = JSON.parse(frame.payload.toString()) as { error?: FrameError };
    if (error === undefined) return;
    throw fail(kindNamed(error.kind), error.message);
  }

  async #next(): Promise<Frame> {
    const next = await this.#frames.next().catch(() => ({ done: true as const, value: undefined }));
    if (next.done || next.value === undefined) throw broken();
    return next.value;
  }
}
