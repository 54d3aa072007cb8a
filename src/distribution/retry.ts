import { setTimeout as sleep } from 'node:timers/promises';
import { passes, RegistryError } from './failure.ts';

/** A registry may ask for more patience than anybody has. */
const waitMaxMs = 60_000;

/** How long to wait before try `attempt` (from 1): twice as long each time, a part of it by chance; or what the registry asks. */
export function backOffMs(attempt: number, firstMs: number, error?: unknown): number {
  const asked = error instanceof RegistryError ? error.details.waitMs : undefined;
  if (asked !== undefined) return Math.min(asked, waitMaxMs);
  const full = Math.min(firstMs * 2 ** (attempt - 1), waitMaxMs / 2);
  return full * (0.75 + Math.random() / 2);
}

/** Waits, or throws what the signal was aborted with. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
  signal.throwIfAborted();
}

/** Does it again, with back-off, while it fails with what may pass. */
export async function withRetries<T>(
  options: { readonly attempts: number; readonly firstMs: number; readonly signal: AbortSignal },
  work: () => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (attempt >= options.attempts || !passes(error)) throw error;
      await pause(backOffMs(attempt, options.firstMs, error), options.signal);
    }
  }
}
