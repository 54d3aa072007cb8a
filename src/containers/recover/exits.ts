import type { KeptProcess } from '#keeper';
import { messageOf } from '#std/errors';
import { log } from '#std/log';

const [firstRetryMs, longestRetryMs] = [2000, 60_000];

/** What takes ends of processes in. */
export interface ExitParts {
  /** Of a container's main process; `exit` is undefined when nobody knows how it ended. */
  readonly onExit: (id: string, exit: KeptProcess['exit']) => Promise<void>;
  readonly onExecExit: (process: KeptProcess) => Promise<void>;
}

/** Takes ends in, however often it must be tried. */
export interface Exits {
  /** Never rejects: what fails is told of, and done again later. The keeper holds the exit until then. */
  take(process: KeptProcess): Promise<void>;
  close(): void;
}

/**
 * Makes it. That one container's end cannot be taken in (a full disk, a mount that does not go) keeps neither the others nor
 * the engine's start from theirs, and loses nothing.
 */
export function createExits({ onExit, onExecExit }: ExitParts, retryMs = firstRetryMs): Exits {
  const timers = new Set<NodeJS.Timeout>();
  let isClosed = false;

  async function attempt(process: KeptProcess, delayMs: number): Promise<void> {
    try {
      await (process.kind === 'exec' ? onExecExit(process) : onExit(process.id, process.exit));
    } catch (error) {
      if (isClosed) return;
      log('error', 'exit not handled', { id: process.id, error: messageOf(error) });
      const timer = setTimeout(() => {
        timers.delete(timer);
        void attempt(process, Math.min(delayMs * 2, longestRetryMs));
      }, delayMs);
      timer.unref();
      timers.add(timer);
    }
  }

  return {
    take: (process) => attempt(process, retryMs),
    close() {
      isClosed = true;
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
    },
  };
}
