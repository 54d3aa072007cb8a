import type { Filters } from '#api';
import { type control, toTimestamp } from '#build-api';
import type { Builder, CacheRecord } from '#builder';
import type { Written } from '#grpc';

function recordOf(record: CacheRecord): Written<typeof control.usageRecord> {
  return {
    id: record.id,
    mutable: record.type === 'exec.cachemount' || record.type === 'source.local',
    inUse: record.isInUse,
    size: record.sizeBytes,
    parents: record.parentIds,
    createdAt: toTimestamp(record.createdAt),
    lastUsedAt: toTimestamp(record.lastUsedAt),
    usageCount: record.usageCount,
    description: record.description,
    recordType: record.type,
    shared: record.isShared,
  };
}

/** `name==value`, `name=value`, `name!=value` and bare names, as containerd's filters have them, as filters of ours. */
export function filtersOf(filters: readonly string[]): Filters {
  const parsed = new Map<string, string[]>();
  for (const condition of filters.flatMap((filter) => filter.split(','))) {
    const [, name = condition, value = ''] = /^([\w.]+?)(?:==|~=|=)(.*)$/s.exec(condition) ?? [];
    if (name !== '') parsed.set(name, [...(parsed.get(name) ?? []), value.replace(/^"(.*)"$/s, '$1')]);
  }
  return parsed;
}

/** What the cache holds. */
export function diskUsage(
  builder: Builder,
  { filter }: control.DiskUsageRequest,
): Written<typeof control.diskUsageResponse> {
  return { record: builder.usage(filtersOf(filter)).map(recordOf) };
}

const msOf = (ns: number): number => ns / 1_000_000;

/** Removes what a client lets go of, and tells what went. */
export async function* prune(
  builder: Builder,
  request: control.PruneRequest,
): AsyncGenerator<Written<typeof control.usageRecord>> {
  const removed = await builder.prune({
    all: request.all,
    filters: filtersOf(request.filter),
    ...(request.reservedSpace > 0 && { reservedSpaceBytes: request.reservedSpace }),
    ...(request.maxUsedSpace > 0 && { maxUsedSpaceBytes: request.maxUsedSpace }),
    ...(request.minFreeSpace > 0 && { minFreeSpaceBytes: request.minFreeSpace }),
    ...(request.keepDuration > 0 && { keepDurationMs: msOf(request.keepDuration) }),
  });
  for (const record of removed) yield recordOf(record);
}
