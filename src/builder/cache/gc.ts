import { messageOf } from '#std/errors';
import { log } from '#std/log';
import type { BuildGcPolicy } from './policy.ts';
import { pruneCache } from './prune.ts';
import type { CacheParts } from './usage.ts';

const delayMs = 1000;

/** Keeps the cache within its policy, one look after the other. */
export function createCacheGc(parts: CacheParts, dataRoot: string, policy: () => BuildGcPolicy) {
  let last: Promise<void> = Promise.resolve();
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function collect(): Promise<void> {
    for (const rule of policy()) {
      for (const { id, sizeBytes, description } of await pruneCache(parts, dataRoot, rule)) {
        log('info', 'removed from the build cache to make room', { id, bytes: sizeBytes, description });
      }
    }
  }

  function begin(): void {
    timer = undefined;
    last = last
      .then(collect)
      .catch((error: unknown) => log('warn', 'the build cache was not looked after', { error: messageOf(error) }));
  }

  return {
    /** Looks soon: not between the parts of a build, each of which would wait for it. */
    look(): void {
      timer ??= setTimeout(begin, delayMs);
    },
    /** When a look that was asked for is over, at once. */
    async settled(): Promise<void> {
      if (timer !== undefined) {
        clearTimeout(timer);
        begin();
      }
      await last;
    },
  };
}
