import type { ProgressMessage } from '#api';
import { printSize } from '#std/sizes';

export type Report = (message: ProgressMessage) => void;

const barColumns = 50;

/** The bar that Docker's clients show. */
function bar(currentBytes: number, totalBytes: number): string {
  const current = printSize(currentBytes).padStart(8);
  if (totalBytes <= 0) return current;
  const filled = Math.min(barColumns, Math.trunc(Math.trunc((currentBytes / totalBytes) * 100) / 2));
  const sizes = currentBytes > totalBytes ? current : `${current}/${printSize(totalBytes)}`;
  return `[${'='.repeat(filled)}>${' '.repeat(barColumns - filled)}] ${sizes}`;
}

/** How far something of an image has come, as Docker tells it; `id` is a short one. A total that is not known is 0. */
export function progressMessage(
  id: string,
  status: string,
  bytes?: { readonly current: number; readonly total: number },
): ProgressMessage {
  if (bytes === undefined || (bytes.current <= 0 && bytes.total <= 0)) return { status, progressDetail: {}, id };
  const { current, total } = bytes;
  return {
    status,
    progressDetail: { ...(current > 0 && { current }), ...(total > 0 && { total }) },
    progress: bar(current, total),
    id,
  };
}

/** Docker tells at most so often how far something is. */
const progressEveryMs = 100;

/** Tells how far something has come, now and then; `add` takes the bytes that have passed since. */
export function createMeter(
  report: Report,
  { id, status, totalBytes }: { id: string; status: string; totalBytes: number },
) {
  let current = 0;
  let toldAtMs = Number.NEGATIVE_INFINITY;
  return {
    add(bytes: number): void {
      current += bytes;
      // The last of it is always told.
      if (performance.now() - toldAtMs < progressEveryMs && current < totalBytes) return;
      toldAtMs = performance.now();
      report(progressMessage(id, status, { current, total: totalBytes }));
    },
  };
}

/** A message of which only the newest matters. */
function isOutdatedBy(queued: ProgressMessage | undefined, message: ProgressMessage): boolean {
  return queued?.progress !== undefined && queued.id === message.id && queued.status === message.status;
}

/**
 * Runs `work` and yields what it reports; its failure is thrown at the end. A reader that is slow gets the newest of each
 * progress. When the reader goes away the signal aborts, and `work` is waited for.
 */
export async function* reporting(
  work: (report: Report, signal: AbortSignal) => Promise<void>,
): AsyncGenerator<ProgressMessage> {
  const queue: ProgressMessage[] = [];
  const abandoned = new AbortController();
  let wake = Promise.withResolvers<void>();
  let isDone = false;
  const report: Report = (message) => {
    const index = queue.findIndex((queued) => isOutdatedBy(queued, message));
    if (index === -1) queue.push(message);
    else queue[index] = message;
    wake.resolve();
  };
  const running = work(report, abandoned.signal).finally(() => {
    isDone = true;
    wake.resolve();
  });
  // Its failure is thrown below; until then it must not count as nobody's.
  running.catch(() => undefined);
  try {
    for (;;) {
      const message = queue.shift();
      if (message !== undefined) yield message;
      else if (isDone) break;
      else {
        await wake.promise;
        wake = Promise.withResolvers();
      }
    }
  } finally {
    if (!isDone) abandoned.abort();
    await running;
  }
}
