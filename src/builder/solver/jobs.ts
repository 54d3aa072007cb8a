import { fail } from '#std/errors';
import type { HeldRecord } from '../cache/build-cache.ts';
import { presentTime, type WorkEvent } from './report.ts';
import type { BuildContext, StepRun } from './types.ts';

/** A build that wants what a job works out. */
export interface Participant {
  readonly context: BuildContext;
  /** Told what happens, and what has happened before it came. */
  onEvent(event: WorkEvent): void;
}

/** What a job gives its work. */
export type JobRun = Pick<StepRun, 'context' | 'signal' | 'onLog' | 'onStatus'> & {
  onStarted(cause?: string): void;
  onCompleted(error?: string): void;
};

type Work = (run: JobRun) => Promise<HeldRecord>;

/** So much of a process's output is kept for builds that come later. */
const replayLimitBytes = 1024 * 1024;

/** One thing that is being worked out, for as many builds as want it; given up when the last of them leaves. */
class Job {
  readonly #participants = new Set<Participant>();
  readonly #controller = new AbortController();
  readonly #past: WorkEvent[] = [];
  readonly #statusStarts = new Map<string, string>();
  #pastBytes = 0;
  readonly #done: Promise<HeldRecord>;
  #isOver = false;

  constructor(work: Work, first: Participant, onOver: () => void) {
    this.#participants.add(first);
    this.#done = work(this.#run(first.context)).finally(() => {
      this.#isOver = true;
      onOver();
    });
    // Each participant waits for it by itself; one that left no longer does.
    this.#done.catch(() => undefined);
  }

  /** Whether it may still be joined: not when it is being given up. */
  get isOpen(): boolean {
    return !this.#controller.signal.aborted;
  }

  /** Waits for the end; `take` is called with what came of it while that is held. Throws the signal's reason first. */
  async join<T>(participant: Participant, signal: AbortSignal, take: (made: HeldRecord) => T): Promise<T> {
    if (!this.#participants.has(participant)) {
      this.#participants.add(participant);
      for (const event of this.#past) participant.onEvent(event);
    }
    const { promise: left, reject } = Promise.withResolvers<never>();
    const abort = (): void => reject(fail('cancelled', 'context canceled'));
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    try {
      return take(await Promise.race([this.#done, left]));
    } finally {
      signal.removeEventListener('abort', abort);
      this.#leave(participant);
    }
  }

  #leave(participant: Participant): void {
    this.#participants.delete(participant);
    if (this.#participants.size > 0) return;
    if (!this.#isOver) this.#controller.abort(fail('cancelled', 'context canceled'));
    this.#done.then(
      (made) => made.release(),
      () => undefined,
    );
  }

  #emit(event: WorkEvent): void {
    this.#past.push(event);
    if (event.kind === 'log') this.#pastBytes += event.data.length;
    while (this.#pastBytes > replayLimitBytes) {
      const index = this.#past.findIndex(({ kind }) => kind === 'log');
      const [dropped] = this.#past.splice(index, 1);
      this.#pastBytes -= dropped?.kind === 'log' ? dropped.data.length : 0;
    }
    for (const participant of this.#participants) participant.onEvent(event);
  }

  #run(first: BuildContext): JobRun {
    const participants = this.#participants;
    const { signal } = this.#controller;
    return {
      signal,
      context: {
        ...first,
        signal,
        onProgress: (progress) => {
          for (const { context } of participants) context.onProgress(progress);
        },
        whenTaken: async () => void (await Promise.all([...participants].map(({ context }) => context.whenTaken?.()))),
        /** Secrets and agents may come of any build that wants the same. */
        get sessions() {
          return [...participants].flatMap(({ context }) => context.sessions);
        },
      },
      onStarted: (cause) => this.#emit({ kind: 'started', at: presentTime(), cause }),
      onCompleted: (error) => this.#emit({ kind: 'completed', at: presentTime(), error }),
      onLog: (stream, data) => this.#emit({ kind: 'log', at: presentTime(), stream, data }),
      onStatus: ({ id, name, current, total, isDone }) => {
        const at = presentTime();
        const startedAt = this.#statusStarts.get(id) ?? at;
        this.#statusStarts.set(id, startedAt);
        this.#emit({ kind: 'status', at, id, name, current, total, startedAt, ...(isDone && { completedAt: at }) });
      },
    };
  }
}

/** What is being worked out now, by key. */
export class Jobs {
  readonly #jobs = new Map<string, Job>();

  /** Joins the job of that key when there is one; undefined when not. */
  join<T>(
    key: string,
    participant: Participant,
    signal: AbortSignal,
    take: (made: HeldRecord) => T,
  ): Promise<T> | undefined {
    const job = this.#jobs.get(key);
    return job?.isOpen ? job.join(participant, signal, take) : undefined;
  }

  /** Begins a job, which nobody has under this key, and joins it. */
  start<T>(
    key: string,
    work: Work,
    participant: Participant,
    signal: AbortSignal,
    take: (made: HeldRecord) => T,
  ): Promise<T> {
    const job: Job = new Job(work, participant, () => {
      if (this.#jobs.get(key) === job) this.#jobs.delete(key);
    });
    this.#jobs.set(key, job);
    return job.join(participant, signal, take);
  }
}
