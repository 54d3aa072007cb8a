import { formatTime, nowNs } from '#std/time';
import type { Vertex } from '../graph/vertex.ts';
import type { OnProgress, VertexProgress } from '../progress.ts';

/** What is told of a vertex that is worked out; the same for all builds that want it. */
export type WorkEvent =
  | { readonly kind: 'started'; readonly at: string; readonly cause?: string | undefined }
  | { readonly kind: 'log'; readonly at: string; readonly stream: 1 | 2; readonly data: Uint8Array }
  | {
      readonly kind: 'status';
      readonly at: string;
      readonly id: string;
      readonly name?: string | undefined;
      readonly current: number;
      readonly total: number;
      readonly startedAt: string;
      readonly completedAt?: string | undefined;
    }
  | {
      readonly kind: 'completed';
      readonly at: string;
      readonly isCached?: boolean | undefined;
      readonly error?: string | undefined;
    };

/** RFC 3339 with nanoseconds. */
export function presentTime(): string {
  return formatTime(nowNs());
}

/** Tells a build of one of its vertices. */
export class VertexReport {
  #startedAt: string | undefined;
  #completedAt: string | undefined;
  /** Told each time: who looks now and then sees the newest alone. */
  #cause: string | undefined;

  constructor(
    readonly vertex: Vertex,
    readonly onProgress: OnProgress,
  ) {}

  /** Whether it was begun and has not ended. */
  get isUnderWay(): boolean {
    return this.#startedAt !== undefined && this.#completedAt === undefined;
  }

  /** That it is there, before anything is done about it. */
  announce(): void {
    this.#tell({});
  }

  /** It was known already. Told once, and not of what was worked out. */
  cached(): void {
    if (this.#startedAt !== undefined) return;
    const at = presentTime();
    this.take({ kind: 'started', at });
    this.take({ kind: 'completed', at, isCached: true });
  }

  /** It is given up. */
  cancelled(): void {
    this.take({ kind: 'completed', at: presentTime(), error: 'context canceled' });
  }

  take(event: WorkEvent): void {
    const vertex = this.vertex.digest;
    if (event.kind === 'started') {
      this.#startedAt = event.at;
      this.#completedAt = undefined;
      this.#cause = event.cause;
      this.#tell({ startedAt: event.at });
    } else if (event.kind === 'completed') {
      this.#completedAt = event.at;
      const { at, isCached, error } = event;
      this.#tell({
        startedAt: this.#startedAt ?? at,
        completedAt: at,
        ...(isCached && { isCached }),
        ...(error !== undefined && { error }),
      });
    } else if (event.kind === 'log') {
      this.onProgress({ type: 'log', vertex, stream: event.stream, data: event.data, at: event.at });
    } else {
      const { kind, name, completedAt, ...status } = event;
      const more = { ...(name !== undefined && { name }), ...(completedAt !== undefined && { completedAt }) };
      this.onProgress({ type: kind, vertex, ...status, ...more });
    }
  }

  #tell(more: Partial<VertexProgress>): void {
    const { digest, inputs, name, progressGroup } = this.vertex;
    this.onProgress({
      type: 'vertex',
      digest,
      inputs: inputs.map((input) => input.vertex.digest),
      name,
      ...(progressGroup !== undefined && { progressGroup }),
      ...(this.#cause !== undefined && { cause: this.#cause }),
      ...more,
    });
  }
}
