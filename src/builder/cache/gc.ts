import { messageOf } from '#std/errors';
import { log } from '#std/log';
import type { BuildGcPolicy } from './policy.ts';
import { pruneCache } from './prune.ts';
import type { CacheParts } from './usage.ts';

/** Keeps the cache within its policy, one look after the other. */
export function createCacheGc(parts: CacheParts, dataRoot: string, policy: () => BuildGcPolicy) {
  let last: Promise<void> = Promise.resolve();

  async function collect(): Promise<void> {
    for (const rule of policy()) {
      for (const { id, sizeBytes, description } of await pruneCache(parts, dataRoot, rule)) {
        log('info', 'removed from the build cache to make room', { id, bytes: sizeBytes, description });
      }
    }
  }

  return {
    /** Looks now, or after the look that is under way. */
    look(): void {
      last = last
        .then(collect)
        .catch((error: unknown) => log('warn', 'the build cache was not looked after', { error: messageOf(error) }));
    },
    settled: () => last,
  };
}
