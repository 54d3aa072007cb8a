import type { LogProgress, Progress, StatusProgress, VertexProgress, WarningProgress } from '#builder';

/** What changed since the last look: of vertices and statuses the newest, of output and warnings all. */
export interface ProgressBatch {
  readonly vertices: readonly VertexProgress[];
  readonly statuses: readonly StatusProgress[];
  readonly logs: readonly LogProgress[];
  readonly warnings: readonly WarningProgress[];
}

/** How much output of one vertex is kept and shown; steps keep to two megabytes by themselves. */
const logLimitBytes = 4 * 1024 * 1024;
/** How long changes gather before followers are told of them. */
const gatherMs = 40;

class Pending {
  readonly vertices = new Map<string, VertexProgress>();
  readonly statuses = new Map<string, StatusProgress>();
  logs: LogProgress[] = [];
  warnings: WarningProgress[] = [];

  add(progress: Progress): void {
    if (progress.type === 'vertex') this.vertices.set(progress.digest, progress);
    else if (progress.type === 'status') this.statuses.set(`${progress.vertex} ${progress.id}`, progress);
    else if (progress.type === 'log') this.logs.push(progress);
    else this.warnings.push(progress);
  }

  get isEmpty(): boolean {
    return this.vertices.size + this.statuses.size + this.logs.length + this.warnings.length === 0;
  }

  batch(): ProgressBatch {
    return {
      vertices: [...this.vertices.values()],
      statuses: [...this.statuses.values()],
      logs: [...this.logs],
      warnings: [...this.warnings],
    };
  }

  static from(batch: ProgressBatch): Pending {
    const pending = new Pending();
    for (const list of [batch.vertices, batch.statuses, batch.logs, batch.warnings]) {
      for (const progress of list) pending.add(progress);
    }
    return pending;
  }
}

/**
 * What has been told of one build, for those who look at it from the start, for those who come late, and for the history. What it
 * holds is bounded: the newest of each vertex and status, and of a vertex's output the first megabytes.
 */
export class BuildProgress {
  private readonly known = new Pending();
  private readonly outputBytes = new Map<string, number>();
  private readonly followers = new Set<{ pending: Pending; wake: () => void }>();
  private readonly ended = Promise.withResolvers<void>();
  private isEnded = false;

  add(progress: Progress): void {
    if (this.isEnded) return;
    const kept = progress.type === 'log' ? this.clipped(progress) : progress;
    if (kept === undefined) return;
    this.known.add(kept);
    for (const follower of this.followers) {
      follower.pending.add(kept);
      follower.wake();
    }
  }

  /** Nothing more will be told; whoever follows gets the rest and ends. */
  end(): void {
    this.isEnded = true;
    this.ended.resolve();
    for (const follower of this.followers) follower.wake();
  }

  /** All that is known. */
  all(): ProgressBatch {
    return this.known.batch();
  }

  /** What is known, then what comes, until the build ends or `signal` is aborted. */
  async *follow(signal: AbortSignal): AsyncGenerator<ProgressBatch> {
    let wake = Promise.withResolvers<void>();
    const follower = { pending: Pending.from(this.known.batch()), wake: () => wake.resolve() };
    const stop = (): void => wake.resolve();
    this.followers.add(follower);
    signal.addEventListener('abort', stop);
    try {
      while (!signal.aborted) {
        if (follower.pending.isEmpty) {
          if (this.isEnded) return;
          await wake.promise;
          // Clients wait for the end of what they follow: that is never delayed.
          if (!this.isEnded && !signal.aborted) await Promise.race([Bun.sleep(gatherMs), this.ended.promise]);
          wake = Promise.withResolvers();
          continue;
        }
        const { pending } = follower;
        follower.pending = new Pending();
        yield pending.batch();
      }
    } finally {
      signal.removeEventListener('abort', stop);
      this.followers.delete(follower);
    }
  }

  private clipped(log: LogProgress): LogProgress | undefined {
    const before = this.outputBytes.get(log.vertex) ?? 0;
    if (before > logLimitBytes) return undefined;
    const after = before + log.data.length;
    this.outputBytes.set(log.vertex, after);
    if (after <= logLimitBytes) return log;
    const end = new TextEncoder().encode('\n[output clipped, log limit 4MiB reached]\n');
    return { ...log, data: Buffer.concat([log.data.subarray(0, logLimitBytes - before), end]) };
  }
}
