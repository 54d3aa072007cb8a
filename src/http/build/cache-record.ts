import type { BuildCacheRecord } from '#api';
import type { CacheRecord } from '#builder';

/** A record of the build cache in Docker's form. */
export function buildCacheRecord(record: CacheRecord): BuildCacheRecord {
  const { id, parentIds, type, description, isInUse, isShared, sizeBytes, createdAt, lastUsedAt, usageCount } = record;
  return {
    ID: id,
    ...(parentIds.length > 0 && { ' Parents': [...parentIds] }),
    Type: type,
    Description: description,
    InUse: isInUse,
    Shared: isShared,
    Size: sizeBytes,
    CreatedAt: createdAt,
    LastUsedAt: lastUsedAt ?? null,
    UsageCount: usageCount,
  };
}
