import type { BuildCacheRecord, DiskUsage } from '#api';
import type { Builder } from '#builder';
import type { Containers } from '#containers';
import type { Images } from '#images';
import { fail } from '#std/errors';
import type { Volumes } from '#volumes';
import { buildCacheRecord } from '../build/cache-record.ts';
import type { Endpoint } from '../exchange.ts';
import { json } from '../exchange.ts';
import { asOf } from '../gates.ts';
import { containerSummaryGates, usedImageGates } from '../shapes.ts';

/** What `GET /system/df` asks the features for. */
export interface DiskUsageParts {
  readonly containers: Pick<Containers, 'list'>;
  readonly images: Pick<Images, 'list' | 'layersBytes'>;
  readonly volumes: Pick<Volumes, 'usage'>;
  /** Loaded when it is asked for. */
  readonly builder: () => Promise<Pick<Builder, 'usage'>>;
}

const kinds = ['container', 'image', 'volume', 'build-cache'];
const everything = { all: true, filters: new Map() };

function wantedKinds(types: readonly string[]): ReadonlySet<string> {
  const wrong = types.find((type) => !kinds.includes(type));
  if (wrong !== undefined) throw fail('invalid-argument', `unknown object type: ${wrong}`);
  return new Set(types.length === 0 ? kinds : types);
}

/** As Docker told it before API 1.42: with the sum of sizes, and without the parents. */
function beforeParents(records: readonly BuildCacheRecord[]): Pick<DiskUsage, 'BuildCache' | 'BuilderSize'> {
  const BuilderSize = records.reduce((sum, { Size }) => sum + Size, 0);
  const BuildCache = records.map(({ ' Parents': _, ...record }) => record);
  return { BuildCache, ...(BuilderSize > 0 && { BuilderSize }) };
}

/** `GET /system/df`: what images, containers and volumes take; since 1.42 only those kinds that `type` names. */
export function diskUsage({ containers, images, volumes, builder }: DiskUsageParts): Endpoint {
  return async ({ query, version }) => {
    const wanted = wantedKinds(version < 42 ? [] : query.all('type'));
    const rows = wanted.has('image') ? images.list({ ...everything, digests: false, sharedSize: true }) : null;
    const listed = wanted.has('container') ? await containers.list({ ...everything, limit: 0, size: true }) : null;
    const cache = wanted.has('build-cache') ? (await builder()).usage(new Map()).map(buildCacheRecord) : null;
    const usage = {
      LayersSize: rows === null ? 0 : images.layersBytes(),
      Images: rows?.map((row) => asOf(row, version, usedImageGates) as typeof row) ?? null,
      Containers: listed?.map((row) => asOf(row, version, containerSummaryGates) as typeof row) ?? null,
      Volumes: wanted.has('volume') ? await volumes.usage() : null,
      ...(version < 42 && cache !== null ? beforeParents(cache) : { BuildCache: cache }),
    } satisfies DiskUsage;
    return json(usage);
  };
}
