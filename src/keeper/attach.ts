import { Readable, Writable } from 'node:stream';
import type { Socket } from 'bun';
import { fail } from '#std/errors';
import { JsonLines } from './lines.ts';
import type { AttachedStream, AttachRequest } from './protocol.ts';

/** What is held of a process's output while nobody takes it; the kernel holds some more, and then the keeper. */
const heldBytes = 64 * 1024;

/** Opens a connection of its own for an attached client, and resolves once the keeper has registered it. */
export async function openAttachment(path: string, request: AttachRequest): Promise<AttachedStream> {
  const connection = new AttachConnection();
  await connection.open(path, request);
  const { output, input } = connection;
  return { output, input, close: () => connection.close() };
}

/**
 * The connection of one attached client: first the keeper's answer, then bytes both ways, each way ended by itself. Over
 * `Bun.connect` and not `node:net`: once both ends have ended their halves, Bun's (1.4) `node:net` destroys the stream with
 * what has come and was not read yet, and so loses the last output of a process.
 */
class AttachConnection {
  readonly #lines = new JsonLines();
  readonly #answered = Promise.withResolvers<void>();
  #isAnswered = false;
  #socket: Socket | undefined;
  /** The part of a write that the kernel did not take yet. */
  #unsent: Uint8Array | undefined;
  #sent: (() => void) | undefined;

  readonly output = new Readable({
    highWaterMark: heldBytes,
    read: () => void this.#socket?.resume(),
    destroy: (error, done) => {
      this.#hangUp();
      done(error);
    },
  });

  readonly input = new Writable({
    write: (chunk: Uint8Array, _encoding, done) => {
      this.#unsent = chunk;
      this.#sent = done;
      this.#send();
    },
    final: (done) => {
      this.#socket?.shutdown();
      done();
    },
  });

  /** Connects and asks; rejects with the socket's error when no keeper listens, and with the keeper's refusal. */
  async open(path: string, request: AttachRequest): Promise<void> {
    this.#socket = await Bun.connect({
      unix: path,
      allowHalfOpen: true,
      socket: {
        data: (_socket, bytes) => this.#receive(bytes),
        drain: () => this.#send(),
        end: () => this.#ended(),
        close: () => this.#ended(),
        // A keeper that dies ends the output; it must not throw in whoever reads it.
        error: () => this.#ended(),
        // Without a handler of its own a failed connect is reported twice.
        connectError: () => undefined,
      },
    });
    this.input.write(`${JSON.stringify({ verb: 'attach', request })}\n`);
    await this.#answered.promise;
  }

  /** Lets go at once: output ends without an end of file. */
  close(): void {
    this.output.destroy();
  }

  #receive(bytes: Uint8Array): void {
    if (this.#isAnswered) this.#pass(bytes);
    else this.#takeAnswer(bytes);
  }

  #takeAnswer(bytes: Uint8Array): void {
    this.#lines.append(bytes);
    const line = this.#lines.next();
    if (line === undefined) return;
    this.#isAnswered = true;
    const answer = line?.json as { error?: { message: string } } | undefined;
    if (answer?.error === undefined) this.#answered.resolve();
    else this.#answered.reject(fail('not-found', answer.error.message));
    this.#pass(this.#lines.takeRest());
  }

  #pass(bytes: Uint8Array): void {
    if (bytes.length > 0 && !this.output.push(bytes)) this.#socket?.pause();
  }

  /** Sends what waits; goes on when the kernel takes more. */
  #send(): void {
    if (this.#unsent === undefined) return;
    const taken = Math.max(this.#socket?.write(this.#unsent) ?? 0, 0);
    this.#unsent = this.#unsent.subarray(taken);
    if (this.#unsent.length > 0) return;
    this.#unsent = undefined;
    this.#sent?.();
  }

  /**
   * The process has ended, or the keeper. All that it sent has come. An input that nobody half-closes must not keep the
   * connection, and whoever waits for it.
   */
  #ended(): void {
    this.#hangUp();
    if (!this.#isAnswered) this.#answered.reject(fail('unavailable', 'the keeper is gone'));
    if (!this.output.readableEnded && !this.output.destroyed) this.output.push(null);
  }

  #hangUp(): void {
    this.input.destroy();
    this.#socket?.terminate();
  }
}
