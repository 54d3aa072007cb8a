import { expect, test } from 'bun:test';
import { type Observed, type ObservedImage, planGc } from './plan.ts';
import type { ImageGcPolicy } from './policy.ts';

const minute = 60_000;
const nowMs = 1_800_000_000_000;
const policy: ImageGcPolicy = {
  high: { bytes: 100 },
  low: { bytes: 50 },
  keepLast: 0,
  pinned: [],
  minAgeMs: 10 * minute,
};

/** An image that was last used so many minutes ago. */
function image(name: string, minutes: number, more: Partial<ObservedImage> = {}): ObservedImage {
  const [repository = ''] = name.split(':');
  return {
    id: `id-${name}`,
    names: [name],
    repositories: [repository],
    createdMs: nowMs - minutes * minute,
    lastUsedMs: nowMs - minutes * minute,
    layers: [{ id: `layer-${name}`, bytes: 30 }],
    containers: [],
    isHeld: false,
    ...more,
  };
}

function observed(images: readonly ObservedImage[], more: Partial<Observed> = {}): Observed {
  const sizes = new Map(images.flatMap(({ layers }) => layers.map(({ id, bytes }) => [id, bytes])));
  const imagesBytes = [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0);
  const fileSystem = { sizeBytes: 1000, usedBytes: 900 };
  return { nowMs, fileSystem, imagesBytes, images, partials: [], layersOfContainers: new Set(), ...more };
}

const names = ({ steps }: ReturnType<typeof planGc>): string[] => steps.map((step) => step.names[0] ?? step.id);

test('the least recently used go first, until there is enough; what is below the mark stays', () => {
  const all = [image('b:1', 50), image('a:1', 90), image('c:1', 20), image('d:1', 30)];
  const plan = planGc(observed(all), policy);
  expect(names(plan)).toEqual(['a:1', 'b:1', 'd:1']);
  expect(plan.reclaims).toBe(90);
  expect(plan.kept).toEqual([{ id: 'id-c:1', names: ['c:1'], reason: 'enough is freed without it' }]);
  expect(plan.reason).toBe('images take 120B, above 100B: down to 50B');
  expect(plan.steps[0]?.cause).toBe('nobody has used it for 90 minutes, and images take 120B');
  const calm = planGc(observed(all.slice(0, 3)), policy);
  expect([calm.reason, calm.steps]).toEqual(['images take 90B, not above 100B', []]);
});

test('what is used, busy, pinned, young, or one of the newest stays, and says why', () => {
  const all = [
    image('used:1', 900, { containers: ['c1'] }),
    image('busy:1', 900, { isHeld: true }),
    image('registry.test/team/pinned:1', 900),
    image('young:1', 9),
    image('app:1', 900),
    image('app:2', 800),
    image('app:3', 700),
  ];
  const plan = planGc(observed(all), { ...policy, keepLast: 1, pinned: ['registry.test/*/pinned'] });
  expect(names(plan)).toEqual(['app:1', 'app:2']);
  expect(plan.kept.map(({ names: [name], reason }) => `${name}: ${reason}`)).toEqual([
    'used:1: used by container c1',
    'busy:1: busy: something reads or writes its layers',
    'registry.test/team/pinned:1: pinned by registry.test/*/pinned',
    'young:1: one of the newest 1 of young',
    'app:3: one of the newest 1 of app',
  ]);
  expect(plan.reason).toEndWith('what may go is not enough');
  const young = planGc(observed(all), policy).kept.find(({ id }) => id === 'id-young:1');
  expect(young?.reason).toBe('used 9 minutes ago');
});

test('a shared layer counts when its last image goes, and never while a container stands on it', () => {
  const base = { id: 'base', bytes: 60 };
  const own = (id: string) => ({ layers: [base, { id, bytes: 25 }] });
  const all = [image('a:1', 90, own('x')), image('b:1', 80, own('y')), image('c:1', 70)];
  expect(planGc(observed(all), policy).steps.map(({ bytes }) => bytes)).toEqual([25, 85]);
  const standing = observed(all, { layersOfContainers: new Set(['base']) });
  expect(planGc(standing, policy).steps.map(({ bytes }) => bytes)).toEqual([25, 25, 30]);
});

test('what an image was made from goes after it, and stays with it', () => {
  const made = image('made:1', 20, { parentId: 'id-base:1' });
  const all = [image('base:1', 90), made, image('c:1', 30), image('d:1', 25)];
  expect(names(planGc(observed(all), { ...policy, low: { bytes: 1 } }))).toEqual(['c:1', 'd:1', 'made:1', 'base:1']);
  const plan = planGc(
    observed([image('base:1', 90), { ...made, containers: ['c1'] }, image('c:1', 30), image('d:1', 25)]),
    {
      ...policy,
      low: { bytes: 1 },
    },
  );
  expect(plan.kept.at(-1)).toMatchObject({ id: 'id-base:1', reason: 'an image that stays was made from it' });
});

test('a share of the file system as the mark', () => {
  const share = { ...policy, high: { percent: 80 }, low: { percent: 50 } };
  const plan = planGc(observed([image('a:1', 90)]), share);
  expect(plan.reason).toBe('the file system is 90.0% full, above 80%: down to 50%; what may go is not enough');
  expect(names(plan)).toEqual(['a:1']);
});

test('downloads that nobody goes on with go in any case', () => {
  const partials = [
    { digest: 'old', bytes: 7, modifiedMs: nowMs - 25 * 60 * minute },
    { digest: 'new', bytes: 8, modifiedMs: nowMs - 60 * minute },
  ];
  const plan = planGc(observed([], { partials }), policy);
  expect(plan.steps).toEqual([
    {
      kind: 'partial-download',
      id: 'old',
      names: [],
      bytes: 7,
      lastUsedMs: partials[0]?.modifiedMs ?? 0,
      cause: 'a download that nobody has gone on with for 25 hours',
    },
  ]);
});
