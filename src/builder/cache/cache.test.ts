import { expect, test } from 'bun:test';
import type { BuildLayers } from '#images';
import { at, copy, exec, image, newBuild, openBench } from '../testing/bench.ts';
import type { CachePruneRequest } from '../types.ts';
import { readCacheFilters } from './filters.ts';
import { usualGcPolicy } from './policy.ts';
import { allowedBytes, pruneCache } from './prune.ts';
import type { Shelf } from './shelf.ts';
import { cacheItems } from './usage.ts';

const everything: CachePruneRequest = { all: true, filters: new Map() };

/** A bench with steps built one on the other, and what prunes it. */
async function filled(...chains: readonly (readonly string[])[]) {
  const bench = openBench(async ([word = '']) => word);
  for (const words of chains) {
    let vertex = image();
    for (const word of words) vertex = exec(vertex, word);
    (await bench.solver.solve(at(vertex), newBuild().context)).release();
  }
  await bench.cache.flush();
  const inImages = new Set<string>();
  const shelves: Shelf[] = [];
  const layers = Object.assign(bench.layers, { imageLayers: () => inImages }) as unknown as BuildLayers;
  const parts = { cache: bench.cache, layers, shelves };
  const names = (): string[] =>
    cacheItems(parts)
      .map(({ shown }) => shown.description.replace('mount / from exec ', ''))
      .sort();
  const prune = async (request: CachePruneRequest): Promise<string[]> =>
    (await pruneCache(parts, import.meta.dir, request)).map(({ description }) => description.split(' ').at(-1) ?? '');
  return { bench, parts, names, prune, inImages, shelves };
}

test('what was used last goes last, and what others stand on stays with them', async () => {
  const { bench, names, prune, parts } = await filled(['a', 'b'], ['c']);
  await using _ = bench;
  // a, b and c, and what the base has, which no image keeps.
  expect(cacheItems(parts).reduce((sum, { shown }) => sum + shown.sizeBytes, 0)).toBe(400);
  (await bench.solver.solve(at(exec(image(), 'a')), newBuild().context)).release();
  expect(await prune({ ...everything, maxUsedSpaceBytes: 300 })).toEqual(['b']);
  expect(await prune({ ...everything, maxUsedSpaceBytes: 200 })).toEqual(['c']);
  expect(names()).toEqual(['a']);
  expect(await prune(everything)).toEqual(['a']);
  expect([...bench.layers.present]).toEqual([]);
});

test('what a build uses stays', async () => {
  const { bench, names, prune } = await filled(['a'], ['b']);
  await using _ = bench;
  const held = await bench.solver.solve(at(exec(image(), 'a')), newBuild().context);
  expect(await prune(everything)).toEqual(['b']);
  expect(names()).toEqual(['a']);
  held.release();
  expect(await prune(everything)).toEqual(['a']);
});

test('what images have too counts nothing, and goes only with everything', async () => {
  const { bench, prune, parts, inImages } = await filled(['a'], ['b']);
  await using _ = bench;
  for (const { outputs } of bench.cache.all()) {
    if (outputs[0]?.chain.at(-1) === bench.cache.all()[0]?.outputs[0]?.chain.at(-1)) {
      for (const chainId of outputs[0]?.chain ?? []) inImages.add(chainId);
    }
  }
  expect(cacheItems(parts).map(({ shown }) => [shown.isShared, shown.sizeBytes])).toEqual([
    [true, 100],
    [false, 100],
  ]);
  expect(await prune({ ...everything, maxUsedSpaceBytes: 100 })).toEqual([]);
  expect(await prune({ ...everything, all: false })).toEqual(['b']);
  expect(await prune(everything)).toEqual(['a']);
});

test('directories that are kept are pruned like results, by type and by age', async () => {
  const { bench, prune, shelves } = await filled(['a']);
  await using _ = bench;
  const removed: string[] = [];
  const entry = { createdAt: '2020-01-01T00:00:00Z', usageCount: 1, sizeBytes: 5, isInUse: false };
  shelves.push({
    type: 'source.local',
    list: () =>
      [
        { ...entry, id: 'old', description: 'old', lastUsedAt: '2020-01-01T00:00:00Z' },
        { ...entry, id: 'new', description: 'new', lastUsedAt: new Date().toISOString() },
      ].filter(({ id }) => !removed.includes(id)),
    remove: async (id) => {
      removed.push(id);
      return true;
    },
  });
  expect(await prune({ all: false, filters: new Map([['unused-for', ['1h']]]) })).toEqual(['old']);
  expect(await prune({ all: false, filters: new Map([['type', ['source.local']]]) })).toEqual(['new']);
  expect(removed).toEqual(['old', 'new']);
});

test("how much may stay is BuildKit's rule", () => {
  const rule = (limits: Partial<CachePruneRequest>) => ({ ...everything, ...limits });
  expect(allowedBytes(rule({}), 500, 0)).toBe(0);
  expect(allowedBytes(rule({ reservedSpaceBytes: 100 }), 500, 0)).toBe(100);
  expect(allowedBytes(rule({ maxUsedSpaceBytes: 300 }), 500, 0)).toBe(300);
  expect(allowedBytes(rule({ maxUsedSpaceBytes: 300, minFreeSpaceBytes: 50 }), 500, 10)).toBe(300);
  expect(allowedBytes(rule({ maxUsedSpaceBytes: 300, minFreeSpaceBytes: 450 }), 500, 100)).toBe(150);
  expect(allowedBytes(rule({ reservedSpaceBytes: 200, minFreeSpaceBytes: 450 }), 500, 0)).toBe(200);
  expect(allowedBytes(rule({ minFreeSpaceBytes: 50 }), 500, 60)).toBe(Number.POSITIVE_INFINITY);
});

test("the usual policy is Docker's: shares of the disk in whole gigabytes, or what is said", () => {
  const [passing, ...rules] = usualGcPolicy(import.meta.dir);
  expect([...(passing?.filters ?? [])]).toEqual([['type', ['source.local', 'exec.cachemount', 'source.git.checkout']]]);
  expect(rules.map(({ all }) => all)).toEqual([false, false, true]);
  for (const { reservedSpaceBytes = 0, maxUsedSpaceBytes = 0, minFreeSpaceBytes = 0 } of rules) {
    expect([reservedSpaceBytes, maxUsedSpaceBytes, minFreeSpaceBytes].every((bytes) => bytes % 1e9 === 0)).toBeTrue();
    expect(maxUsedSpaceBytes).toBeGreaterThan(minFreeSpaceBytes);
  }
  const said = { reservedSpaceBytes: 20e9, maxUsedSpaceBytes: 0, minFreeSpaceBytes: 0 };
  const limited = usualGcPolicy(import.meta.dir, said);
  expect(limited[0]?.maxUsedSpaceBytes).toBe(2_763_516_045);
  expect(limited.at(-1)).toMatchObject({ all: true, ...said });
});

test('filters are read as Docker reads them', () => {
  const record = {
    id: 'abc',
    parentIds: ['p'],
    type: 'regular' as const,
    description: 'RUN x',
    isInUse: false,
    isShared: true,
    sizeBytes: 1,
    createdAt: '',
    usageCount: 1,
  };
  const matches = (name: string, ...values: string[]): boolean =>
    readCacheFilters(new Map([[name, values]])).matches(record);
  expect([matches('id', '^a'), matches('id', 'z'), matches('parent', 'p'), matches('type', 'internal')]).toEqual([
    ...[true, false, true, false],
  ]);
  expect([matches('description', 'RUN x'), matches('description', 'RUN'), matches('label', 'whatever')]).toEqual([
    ...[true, false, true],
  ]);
  expect([
    matches('shared', ''),
    matches('private', ''),
    matches('inuse', 'true'),
    matches('type', 'x', 'regular'),
  ]).toEqual([...[true, false, false, true]]);
  expect(() => readCacheFilters(new Map([['nosuch', ['a']]]))).toThrow(
    "failed to prune build cache: invalid filter 'nosuch'",
  );
  expect(() => readCacheFilters(new Map([['until', ['abc']]]))).toThrow(
    'failed to prune build cache: "until" filter expects a duration (e.g., \'24h\') or a timestamp: failed to parse value as time or duration: "abc"',
  );
});

test('a record whose layers are gone is forgotten, and one that is found is as it was', async () => {
  const { bench } = await filled(['a'], ['b']);
  await using _ = bench;
  const [first, second] = bench.cache.all();
  bench.layers.present.delete(first?.outputs[0]?.chain.at(-1) ?? '');
  bench.cache.reconcile();
  expect(bench.cache.all()).toEqual(second === undefined ? [] : [second]);
  expect([...bench.layers.holds]).toEqual([]);
});

test('a full disk fails no step, and nothing stays in use because of it', async () => {
  await using bench = openBench();
  const made = (word: string) => copy(image(), exec(image(), word), '/file');
  (await bench.solver.solve(at(made('one')), newBuild().context)).release();
  await bench.cache.flush();
  bench.fillDisk();
  // Another step makes the same file: the copy is known, by one more name.
  const again = newBuild();
  (await bench.solver.solve(at(made('two')), again.context)).release();
  expect(again.last(exec(image(), 'two'))?.isCached).toBeUndefined();
  expect(again.last(made('two'))?.isCached).toBeTrue();
  await bench.cache.flush();
  expect([...bench.layers.holds]).toEqual([]);
  expect(bench.cache.all().filter(({ id }) => bench.cache.isInUse(id))).toEqual([]);
});
