import type { BuildCachePruneReport, Filters } from '#api';
import type { EngineClient } from '../transport/engine-client.ts';
import { filtersQuery } from '../transport/request.ts';

/** `POST /build/prune`: what nobody uses of the build cache; sizes are in bytes, 0 for no such limit. */
export function pruneBuildCache(
  engine: EngineClient,
  options: {
    readonly all: boolean;
    readonly reservedSpaceBytes?: number;
    readonly maxUsedSpaceBytes?: number;
    readonly minFreeSpaceBytes?: number;
    readonly filters?: Filters;
  },
): Promise<BuildCachePruneReport> {
  const { all, reservedSpaceBytes = 0, maxUsedSpaceBytes = 0, minFreeSpaceBytes = 0, filters } = options;
  const limit = (bytes: number): string | undefined => (bytes > 0 ? String(bytes) : undefined);
  return engine.json({
    method: 'POST',
    path: '/build/prune',
    query: {
      all: all ? '1' : undefined,
      // The older name for it, which engines before 1.48 know alone.
      'keep-storage': limit(reservedSpaceBytes),
      'reserved-space': limit(reservedSpaceBytes),
      'max-used-space': limit(maxUsedSpaceBytes),
      'min-free-space': limit(minFreeSpaceBytes),
      filters: filtersQuery(filters),
    },
  });
}
