import type { BuildCachePruneReport, Filters } from '#api';
import type { Builder } from '#builder';
import type { Events } from '#events';
import { EstibaError, fail } from '#std/errors';
import type { Endpoint } from '../exchange.ts';
import { json } from '../exchange.ts';
import type { Query } from '../query.ts';

/** A size in bytes; undefined where nothing, or 0, is said. Throws in Docker's words. */
function bytes(query: Query, name: string): number | undefined {
  try {
    return query.integer(name) || undefined;
  } catch (error) {
    if (!(error instanceof EstibaError)) throw error;
    const text = query.text(name) ?? '';
    const what = error.message.includes('out of range') ? 'value out of range' : 'invalid syntax';
    const fault = `strconv.Atoi: parsing ${JSON.stringify(text)}: ${what}`;
    throw fail('invalid-argument', `${name} is in bytes and expects an integer, got ${text}: ${fault}`, error);
  }
}

function checkSingle(filters: Filters): void {
  for (const [name, values] of filters) {
    if (values.length <= 1 || name === 'label' || name === 'label!') continue;
    throw fail('internal', 'failed to prune build cache: filters expect only one value');
  }
}

/** `POST /build/prune`: removes what nobody uses of the build cache. Its limits have had other names before API 1.48. */
export function pruneBuildCache(
  builder: () => Promise<Pick<Builder, 'prune'>>,
  events: Pick<Events, 'publish'>,
): Endpoint {
  return async ({ query }) => {
    const filters = query.filters();
    const reserved = bytes(query, 'reserved-space') ?? bytes(query, 'keep-storage');
    const [max, free] = [bytes(query, 'max-used-space'), bytes(query, 'min-free-space')];
    checkSingle(filters);
    const removed = await (await builder()).prune({
      all: query.flag('all'),
      filters,
      ...(reserved !== undefined && { reservedSpaceBytes: reserved }),
      ...(max !== undefined && { maxUsedSpaceBytes: max }),
      ...(free !== undefined && { minFreeSpaceBytes: free }),
    });
    // As Docker counts: what images have too as well.
    const freed = removed.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    events.publish({ type: 'builder', action: 'prune', id: '', attributes: { reclaimed: String(freed) } });
    const CachesDeleted = removed.length === 0 ? null : removed.map(({ id }) => id);
    return json({ CachesDeleted, SpaceReclaimed: freed } satisfies BuildCachePruneReport);
  };
}
