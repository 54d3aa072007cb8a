import type { BuildCacheRecord } from '#api';
import { printSize } from '#std/sizes';
import type { Listing } from '../../print/listing.ts';
import { printAgo } from '../../print/times.ts';

/** Records of the build cache, as `system df -v` and `builder du` list them. */
export const cacheListing: Listing<BuildCacheRecord> = {
  type: 'buildCacheContext',
  table: '{{.ID}}\t{{.CacheType}}\t{{.Size}}\t{{.CreatedSince}}\t{{.LastUsedSince}}\t{{.UsageCount}}\t{{.Shared}}',
  fields: {
    ID: { heading: 'CACHE ID', text: ({ ID }) => ID.slice(0, 12) },
    Description: { heading: 'DESCRIPTION', text: ({ Description }) => Description },
    CacheType: { heading: 'CACHE TYPE', text: ({ Type }) => Type },
    Size: { heading: 'SIZE', text: ({ Size }) => printSize(Size, 3) },
    CreatedAt: { heading: 'CREATED AT', text: ({ CreatedAt }) => CreatedAt },
    CreatedSince: { heading: 'CREATED', text: ({ CreatedAt }) => printAgo(Date.parse(CreatedAt)) },
    LastUsedAt: { heading: 'LAST USED AT', text: ({ LastUsedAt }) => LastUsedAt ?? '' },
    LastUsedSince: {
      heading: 'LAST USED',
      text: ({ LastUsedAt }) => (LastUsedAt === null ? '' : printAgo(Date.parse(LastUsedAt))),
    },
    UsageCount: { heading: 'USAGE', text: ({ UsageCount }) => String(UsageCount) },
    InUse: { heading: 'IN USE', text: ({ InUse }) => String(InUse) },
    Shared: { heading: 'SHARED', text: ({ Shared }) => String(Shared) },
  },
};
