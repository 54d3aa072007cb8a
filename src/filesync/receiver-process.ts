import { spawnWorker } from '#linux/spawn-worker';
import { fail } from '#std/errors';
import { FrameReader, frameHead, frameKinds } from './frames.ts';
import type { ReceiveAnswer } from './receiver-pool.ts';

/** What the collector of a receiver takes for the machine's memory: it looks at packets, and forgets them. */
const collectedBytes = 96 * 1024 * 1024;
/** So much waits for a receiver before the client does. */
const batchBytes = 256 * 1024;

interface Listener {
  packet(payload: Uint8Array): void;
  answer(answer: ReceiveAnswer): void;
  gone(): void;
}

/** One receiver's process, as the engine has it: it is given frames, and its listener hears what it answers. */
export class ReceiverProcess {
  readonly #process: Bun.Subprocess<'pipe', 'pipe', 'inherit'>;
  listener: Listener | undefined;
  isAlive = true;
  idle: ReturnType<typeof setTimeout> | undefined;
  /** One is filled while the other is written: 2 GB of new ones would wait for the collector. */
  #batch: Buffer = Buffer.allocUnsafe(batchBytes);
  #spare: Buffer = Buffer.allocUnsafe(batchBytes);
  #usedBytes = 0;
  #flushing: Promise<void> = Promise.resolve();

  constructor(command: readonly string[], onGone: (gone: ReceiverProcess) => void) {
    this.#process = spawnWorker(command, collectedBytes);
    void this.#listen()
      .catch(() => undefined)
      .finally(() => {
        this.kill();
        onGone(this);
        this.listener?.gone();
      });
  }

  /** Resolves when more may be given to it. Packets come many at once: what is there goes in one piece. */
  async write(kind: number, payload: Uint8Array): Promise<void> {
    if (!this.isAlive) throw fail('unavailable', 'the receiver of files is gone');
    const head = frameHead(kind, payload.length);
    const neededBytes = head.length + payload.length;
    if (this.#usedBytes + neededBytes > this.#batch.length) await this.flush();
    if (neededBytes > this.#batch.length) this.#batch = Buffer.allocUnsafe(neededBytes);
    if (this.#usedBytes === 0) setImmediate(() => this.flush().catch(() => undefined));
    this.#batch.set(head, this.#usedBytes);
    this.#batch.set(payload, this.#usedBytes + head.length);
    this.#usedBytes += neededBytes;
  }

  /** Resolves when all is taken. */
  flush(): Promise<void> {
    this.#flushing = this.#flushing.then(async () => {
      if (this.#usedBytes === 0 || !this.isAlive) return;
      const batch = this.#batch.subarray(0, this.#usedBytes);
      [this.#batch, this.#spare] = [this.#spare, this.#batch];
      this.#usedBytes = 0;
      await this.#process.stdin.write(batch);
    });
    return this.#flushing;
  }

  /** Resolves when it has ended: from then on it changes no file. */
  get ended(): Promise<unknown> {
    return this.#process.exited;
  }

  kill(): void {
    this.isAlive = false;
    clearTimeout(this.idle);
    this.#process.kill('SIGKILL');
  }

  async #listen(): Promise<void> {
    const frames = new FrameReader();
    for await (const bytes of this.#process.stdout) {
      for (const { kind, payload } of frames.take(bytes)) {
        if (kind === frameKinds.packet) this.listener?.packet(Uint8Array.from(payload));
        else if (kind === frameKinds.result) this.listener?.answer(JSON.parse(payload.toString()) as ReceiveAnswer);
      }
    }
  }
}
