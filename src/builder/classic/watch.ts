import type { OnProgress } from '../progress.ts';

/** What is seen of a step while it is worked out. */
export type Seen =
  | { readonly kind: 'started' }
  | { readonly kind: 'log'; readonly stream: 1 | 2; readonly data: Uint8Array };

/** Follows one vertex of a build at a time. */
export class StepWatch {
  #digest = '';
  #isStarted = false;
  #isCached = false;
  #logs: Seen[] = [];
  #wake: (() => void) | undefined;

  readonly onProgress: OnProgress = (progress) => {
    if (progress.type === 'log') {
      if (progress.vertex !== this.#digest) return;
      this.#logs.push({ kind: 'log', stream: progress.stream, data: progress.data });
    } else if (progress.type === 'vertex' && progress.digest === this.#digest) {
      if (progress.startedAt !== undefined) this.#isStarted = true;
      if (progress.isCached === true) this.#isCached = true;
    }
    this.#wake?.();
  };

  /** Tells what is seen of a vertex until the work is done; `started` alone when it was not known before. */
  async *follow(digest: string, work: Promise<unknown>): AsyncGenerator<Seen> {
    this.#digest = digest;
    this.#isStarted = false;
    this.#isCached = false;
    this.#logs = [];
    let isDone = false;
    let isTold = false;
    const end = (): void => {
      isDone = true;
      this.#wake?.();
    };
    work.then(end, end);
    for (;;) {
      // What was known is said to have started and ended at once: by now both have been told.
      if (this.#isStarted && !this.#isCached && !isTold) {
        isTold = true;
        yield { kind: 'started' };
      }
      const logs = this.#logs;
      this.#logs = [];
      yield* logs;
      if (isDone && this.#logs.length === 0) return;
      if (this.#logs.length > 0 || isDone) continue;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
