import { statfsSync } from 'node:fs';
import type { CachePruneRequest, CacheRecord } from '../types.ts';
import { readCacheFilters } from './filters.ts';
import { type CacheItem, type CacheParts, cacheItems } from './usage.ts';

/** What counts as used: what images have too costs nothing to keep. */
function totalBytes(items: readonly CacheItem[]): number {
  return items.reduce((sum, { shown }) => sum + (shown.isShared ? 0 : shown.sizeBytes), 0);
}

/** So much may stay (BuildKit's rule): no limit said means that all may go. */
export function allowedBytes(request: CachePruneRequest, usedBytes: number, freeBytes: number): number {
  const { maxUsedSpaceBytes: max = 0, reservedSpaceBytes: reserved = 0, minFreeSpaceBytes: minFree = 0 } = request;
  if (max === 0 && reserved === 0 && minFree === 0) return 0;
  const missing = Math.max(0, minFree - freeBytes);
  const limits = [...(max > 0 ? [max] : []), ...(missing > 0 ? [usedBytes - missing] : [])];
  if (limits.length > 0) return Math.max(reserved, Math.min(...limits));
  // Neither the cache nor the disk is too full. Without either limit, what is reserved is all that may stay.
  return max === 0 && minFree === 0 ? reserved : Number.POSITIVE_INFINITY;
}

/** Whether nothing else stands on it. */
function isLeaf(item: CacheItem, users: ReadonlyMap<string, number>, tops: ReadonlyMap<string, number>): boolean {
  return item.tops.every((chainId) => (users.get(chainId) ?? 0) <= (tops.get(chainId) ?? 0));
}

function countTops(items: Iterable<CacheItem>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { tops } of items) for (const top of new Set(tops)) counts.set(top, (counts.get(top) ?? 0) + 1);
  return counts;
}

/** How many records have a layer in a chain of theirs. */
function countUsers({ cache }: CacheParts): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { outputs } of cache.all()) {
    for (const chainId of new Set(outputs.flatMap(({ chain }) => chain))) {
      counts.set(chainId, (counts.get(chainId) ?? 0) + 1);
    }
  }
  return counts;
}

/**
 * Removes what is asked for, last what was used last, and no more than it takes to come to the size asked for. What a build uses
 * stays, and so does what something else stands on that stays.
 */
export async function pruneCache(
  parts: CacheParts,
  dataRoot: string,
  request: CachePruneRequest,
): Promise<CacheRecord[]> {
  const choice = readCacheFilters(request.filters);
  const unusedSinceMs =
    request.keepDurationMs === undefined ? choice.unusedSinceMs : Date.now() - request.keepDurationMs;
  const mayGo = ({ shown, lastUsedMs }: CacheItem): boolean =>
    !shown.isInUse &&
    (request.all || (!shown.isShared && shown.type !== 'internal' && shown.type !== 'frontend')) &&
    (unusedSinceMs === undefined || lastUsedMs < unusedSinceMs) &&
    choice.matches(shown);
  const removed: CacheRecord[] = [];
  for (;;) {
    const items = cacheItems(parts);
    const { bavail, bsize } = statfsSync(dataRoot);
    const usedBytes = totalBytes(items);
    const allowed = allowedBytes(request, usedBytes, bavail * bsize);
    const isLimited = allowed > 0;
    let excess = usedBytes - allowed;
    if (isLimited && excess <= 0) return removed;
    const users = countUsers(parts);
    const tops = countTops(items);
    const candidates = items
      .filter((item) => mayGo(item) && isLeaf(item, users, tops))
      .sort((one, other) => one.lastUsedMs - other.lastUsedMs);
    const before = removed.length;
    for (const item of candidates) {
      if (isLimited && excess <= 0) break;
      if (!(await item.remove())) continue;
      removed.push(item.shown);
      if (!item.shown.isShared) excess -= item.shown.sizeBytes;
      // What it stood on may be older than the next candidate: with a limit to come to, all is looked at again.
      if (isLimited && item.shown.parentIds.length > 0) break;
    }
    if (removed.length === before) return removed;
  }
}
