import type { OnProgress } from '../progress.ts';

interface Log {
  readonly kind: 'log';
  readonly stream: 1 | 2;
  readonly data: Uint8Array;
}

/** What is seen of a step while it is worked out. */
export type Seen = { readonly kind: 'started' } | Log;

/** What a process writes within this time is told in one piece. */
const gatherMs = 4;

/** So much of what is said waits for the client; then the process waits. */
const waitingAtMostBytes = 1 << 20;

/** Follows one vertex of a build at a time. */
export class StepWatch {
  #digest = '';
  #isStarted = false;
  #isCached = false;
  #logs: Log[] = [];
  #logBytes = 0;
  #wake: (() => void) | undefined;
  #taken = Promise.withResolvers<void>();

  readonly onProgress: OnProgress = (progress) => {
    if (progress.type === 'log') {
      if (progress.vertex !== this.#digest) return;
      this.#logs.push({ kind: 'log', stream: progress.stream, data: progress.data });
      this.#logBytes += progress.data.length;
    } else if (progress.type === 'vertex' && progress.digest === this.#digest) {
      if (progress.startedAt !== undefined) this.#isStarted = true;
      if (progress.isCached === true) this.#isCached = true;
    }
    this.#wake?.();
  };

  /** Settled when there is room for more of what a process says. */
  whenTaken(): Promise<void> | undefined {
    return this.#logBytes < waitingAtMostBytes ? undefined : this.#taken.promise;
  }

  #drop(): Log[] {
    const logs = this.#logs;
    this.#logs = [];
    this.#logBytes = 0;
    this.#taken.resolve();
    this.#taken = Promise.withResolvers();
    return logs;
  }

  /** Tells what is seen of a vertex until the work is done; `started` alone when it was not known before. */
  async *follow(digest: string, work: Promise<unknown>): AsyncGenerator<Seen> {
    this.#digest = digest;
    this.#isStarted = false;
    this.#isCached = false;
    this.#drop();
    let isDone = false;
    let isTold = false;
    const end = (): void => {
      isDone = true;
      this.#wake?.();
    };
    work.then(end, end);
    try {
      for (;;) {
        // What was known is said to have started and ended at once: by now both have been told.
        if (this.#isStarted && !this.#isCached && !isTold) {
          isTold = true;
          yield { kind: 'started' };
        }
        if (this.#logs.length > 0 && !isDone) await Promise.race([work.catch(() => {}), Bun.sleep(gatherMs)]);
        yield* this.#take();
        if (isDone && this.#logs.length === 0) return;
        if (this.#logs.length > 0 || isDone) continue;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      // Nobody follows any more, and nobody is to wait for that.
      this.#digest = '';
      this.#drop();
    }
  }

  /** What was logged, pieces of one stream that follow each other as one. */
  *#take(): Generator<Seen> {
    const logs = this.#drop();
    for (let index = 0; index < logs.length; ) {
      const { stream } = logs[index] ?? {};
      let end = index + 1;
      while (end < logs.length && logs[end]?.stream === stream) end++;
      if (stream !== undefined) {
        yield { kind: 'log', stream, data: Buffer.concat(logs.slice(index, end).map(({ data }) => data)) };
      }
      index = end;
    }
  }
}
