import { expect, test } from 'bun:test';
import type { Builder, CachePruneRequest, CacheRecord } from '#builder';
import { createApi } from '../api.ts';
import { memoryFeatures } from '../testing/features.ts';
import { request } from '../testing/raw-client.ts';

const record: CacheRecord = {
  id: 'abc',
  parentIds: ['def'],
  type: 'regular',
  description: '[2/2] COPY a /',
  isInUse: false,
  isShared: true,
  sizeBytes: 7,
  createdAt: '2026-01-01T00:00:00Z',
  lastUsedAt: '2026-01-02T00:00:00Z',
  usageCount: 3,
};

/** An API over a cache of one record, and what its prunes asked for. */
function openCache() {
  const asked: CachePruneRequest[] = [];
  const prune = async (wanted: CachePruneRequest): Promise<CacheRecord[]> => {
    asked.push(wanted);
    return wanted.all ? [record] : [];
  };
  const builder = { usage: () => [record], prune } as unknown as Builder;
  const api = createApi({ ...memoryFeatures(), builder: async () => builder });
  const ask = async (method: string, target: string): Promise<[number, unknown]> => {
    const { status, body } = await api.handle(request(method, target));
    return [status, JSON.parse(String(body))];
  };
  return { asked, ask };
}

test('what may stay is told by names of every age, and what went as Docker tells it', async () => {
  const { asked, ask } = openCache();
  expect(await ask('POST', '/v1.41/build/prune?keep-storage=5')).toEqual([
    200,
    { CachesDeleted: null, SpaceReclaimed: 0 },
  ]);
  const limits = 'reserved-space=1&max-used-space=2&min-free-space=3';
  const filters = encodeURIComponent('{"until":{"24h":true}}');
  expect(await ask('POST', `/build/prune?all=1&${limits}&filters=${filters}`)).toEqual([
    200,
    { CachesDeleted: ['abc'], SpaceReclaimed: 7 },
  ]);
  expect(asked).toEqual([
    { all: false, filters: new Map(), reservedSpaceBytes: 5 },
    {
      all: true,
      filters: new Map([['until', ['24h']]]),
      reservedSpaceBytes: 1,
      maxUsedSpaceBytes: 2,
      minFreeSpaceBytes: 3,
    },
  ]);
});

test('what cannot be meant is refused before anything goes', async () => {
  const { asked, ask } = openCache();
  expect(await ask('POST', '/build/prune?max-used-space=abc')).toEqual([
    400,
    {
      message:
        'max-used-space is in bytes and expects an integer, got abc: strconv.Atoi: parsing "abc": invalid syntax',
    },
  ]);
  const twice = encodeURIComponent('{"until":{"1h":true,"2h":true}}');
  expect(await ask('POST', `/build/prune?filters=${twice}`)).toEqual([
    500,
    { message: 'failed to prune build cache: filters expect only one value' },
  ]);
  expect(asked).toEqual([]);
});

test('a record is shown as Docker spells it; before 1.42 without its parents, and all sizes are summed', async () => {
  const { ask } = openCache();
  const shown = {
    ID: 'abc',
    Type: 'regular',
    Description: '[2/2] COPY a /',
    InUse: false,
    Shared: true,
    Size: 7,
    CreatedAt: '2026-01-01T00:00:00Z',
    LastUsedAt: '2026-01-02T00:00:00Z',
    UsageCount: 3,
  };
  const [, now] = await ask('GET', '/system/df?type=build-cache');
  expect(now).toMatchObject({ BuildCache: [{ ...shown, ' Parents': ['def'] }] });
  expect(now).not.toHaveProperty('BuilderSize');
  const [, before] = await ask('GET', '/v1.41/system/df');
  expect(before).toMatchObject({ BuildCache: [shown], BuilderSize: 7 });
  expect(JSON.stringify(before)).not.toContain('def');
});
