import { availableParallelism } from 'node:os';
import { fail, kindNamed } from '#std/errors';
import { spawnWorker } from './spawn-worker.ts';

/** As many processes as may be of use: with one a processor none is left idle. */
const processLimit = Math.min(4, Math.max(2, availableParallelism()));
const idleMs = 20_000;
/** What the collector of a worker takes for the machine's memory: pieces of files are all that it has, and go soon. */
const collectedBytes = 64 * 1024 * 1024;

/** Lines of JSON that come back: how much is done, and last what came of it. */
export type WorkerAnswer =
  | { readonly id: number; readonly done: number }
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: { readonly kind?: string; readonly message: string } };

interface Pending {
  settle(answer: WorkerAnswer): void;
  fail(error: unknown): void;
}

/** One job in one of the processes. */
export interface WorkerJob {
  /** Sends a line of JSON that belongs to it. */
  send(message: object): void;
  /** What came of it; `onProgress` hears how much is done. Throws what it failed with. */
  result(onProgress?: (done: number) => void): Promise<unknown>;
  /** Ends its process, whatever that is at. */
  kill(): void;
  /** It is over, or nobody wants it: another may have its place. */
  end(): void;
}

export interface WorkerPoolOptions {
  /** Starts one. */
  readonly command: readonly string[];
  /** What an error calls one: `the unpacker`. */
  readonly name: string;
  /** So many jobs a process has at once. */
  readonly jobsEach: number;
}

class Worker {
  readonly pending = new Map<number, Pending>();
  isAlive = true;
  #idle: ReturnType<typeof setTimeout> | undefined;
  readonly #process: Bun.Subprocess<'pipe', 'pipe', 'inherit'>;

  constructor({ command, name }: WorkerPoolOptions, onGone: () => void) {
    this.#process = spawnWorker(command, collectedBytes);
    void this.#listen()
      .finally(() => {
        this.isAlive = false;
        clearTimeout(this.#idle);
        this.#process.kill('SIGKILL');
        // Until then it may still be at what it was at.
        return this.#process.exited;
      })
      .finally(() => {
        for (const { fail: failed } of this.pending.values()) {
          failed(fail('unavailable', `${name} ended before its work was done`));
        }
        onGone();
      });
  }

  send(message: object): void {
    if (!this.isAlive) return;
    try {
      this.#process.stdin.write(`${JSON.stringify(message)}\n`);
      void this.#process.stdin.flush();
    } catch {
      // It is gone: those that wait for it are told.
    }
  }

  begin(id: number, pending: Pending): void {
    clearTimeout(this.#idle);
    this.pending.set(id, pending);
  }

  end(id: number): void {
    this.pending.delete(id);
    if (this.pending.size > 0 || !this.isAlive) return;
    this.#idle = setTimeout(() => this.close(), idleMs);
    this.#idle.unref();
  }

  close(): void {
    // It takes a moment to go: nothing may be given to it any more.
    this.isAlive = false;
    this.#process.kill('SIGKILL');
  }

  async #listen(): Promise<void> {
    let rest = '';
    const decoder = new TextDecoder();
    for await (const bytes of this.#process.stdout) {
      const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const answer = JSON.parse(line) as WorkerAnswer;
        this.pending.get(answer.id)?.settle(answer);
      }
    }
  }
}

/** Child processes of one kind, which are there while there is work: the engine's one thread must not wait. */
export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  readonly #workers = new Set<Worker>();
  readonly #queue: (() => void)[] = [];
  #lastId = 0;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
  }

  /** Waits for a place in a process. Who begins a job ends it. */
  async begin(): Promise<WorkerJob> {
    const worker = await this.#pick();
    const id = ++this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    promise.catch(() => undefined);
    let hear: (done: number) => void = () => undefined;
    worker.begin(id, {
      fail: reject,
      settle(answer) {
        if ('done' in answer) hear(answer.done);
        else if ('result' in answer) resolve(answer.result);
        else reject(fail(kindNamed(answer.error.kind), answer.error.message));
      },
    });
    return {
      send: (message) => worker.send({ id, ...message }),
      result(onProgress) {
        if (onProgress !== undefined) hear = onProgress;
        return promise;
      },
      kill: () => worker.close(),
      end: () => {
        worker.end(id);
        this.#queue.shift()?.();
      },
    };
  }

  /** Ends the processes; work at hand fails. */
  close(): void {
    for (const worker of this.#workers) worker.close();
  }

  /** The one with the least to do; a new one while all are at work and there may be more. */
  async #pick(): Promise<Worker> {
    for (;;) {
      const alive = [...this.#workers].filter(({ isAlive }) => isAlive);
      const [least] = alive.sort((one, other) => one.pending.size - other.pending.size);
      if (least !== undefined && least.pending.size === 0) return least;
      if (this.#workers.size < processLimit) return this.#start();
      if (least !== undefined && least.pending.size < this.#options.jobsEach) return least;
      await new Promise<void>((resolve) => this.#queue.push(resolve));
    }
  }

  #start(): Worker {
    const worker = new Worker(this.#options, () => {
      this.#workers.delete(worker);
      this.#queue.shift()?.();
    });
    this.#workers.add(worker);
    return worker;
  }
}
