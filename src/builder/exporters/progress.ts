import { digestOf } from '#oci';
import { messageOf } from '#std/errors';
import { newId } from '#std/identifiers';
import { formatTime, nowNs } from '#std/time';
import type { OnProgress } from '../progress.ts';

/** What an exporter is seen to do. */
export interface ExportVertex {
  /** A line of its own while it is at work. */
  step<T>(id: string, work: () => Promise<T>): Promise<T>;
  /** A line that counts bytes: to be told how many it are so far, and that it is done. */
  counter(id: string): { reach(bytes: number): void; end(): void };
  warn(short: string): void;
}

/** At most so often progress is told. */
const tellEveryMs = 100;
const now = (): string => formatTime(nowNs());

function counterOf(onProgress: OnProgress, vertex: string, id: string): ReturnType<ExportVertex['counter']> {
  const startedAt = now();
  let current = 0;
  let toldAtMs = performance.now();
  const tell = (more: object): void => {
    onProgress({ type: 'status', vertex, id, current, total: 0, at: now(), startedAt, ...more });
  };
  tell({});
  return {
    reach(bytes) {
      current = bytes;
      if (performance.now() - toldAtMs < tellEveryMs) return;
      toldAtMs = performance.now();
      tell({});
    },
    end: () => tell({ completedAt: now() }),
  };
}

/** Has `work` shown as a vertex of that name. */
export async function inVertex<T>(
  onProgress: OnProgress,
  name: string,
  work: (vertex: ExportVertex) => Promise<T>,
): Promise<T> {
  const digest = digestOf(newId());
  const startedAt = now();
  const vertex = { type: 'vertex', digest, inputs: [], name, startedAt } as const;
  onProgress(vertex);
  try {
    const result = await work({
      async step(id, stepWork) {
        const begun = now();
        const status = { type: 'status', vertex: digest, id, current: 0, total: 0, startedAt: begun } as const;
        onProgress({ ...status, at: begun });
        const done = await stepWork();
        const completedAt = now();
        onProgress({ ...status, at: completedAt, completedAt });
        return done;
      },
      counter: (id) => counterOf(onProgress, digest, id),
      warn: (short) =>
        onProgress({ type: 'warning', vertex: digest, level: 1, short, detail: [], url: '', ranges: [] }),
    });
    onProgress({ ...vertex, completedAt: now() });
    return result;
  } catch (error) {
    onProgress({ ...vertex, completedAt: now(), error: messageOf(error) });
    throw error;
  }
}
