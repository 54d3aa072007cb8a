import { expect, test } from 'bun:test';
import { utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf, encodedOf } from '#oci';
import { openFixture } from '../fixture.ts';
import type { ImageGcPolicy } from './policy.ts';

test('a run removes what the plan says, tells of it, and leaves what came in between', async () => {
  let policy: ImageGcPolicy | undefined;
  await using fixture = await openFixture(undefined, { gcPolicy: () => policy });
  const { images } = fixture;
  const content = (text: string) => [{ path: 'file', content: text.repeat(100_000) }];
  await fixture.importTar('old:1', content('a'));
  await fixture.importTar('kept:1', content('b'));
  const used = await fixture.importTar('used:1', content('c'));
  const partial = join(fixture.dataRoot, 'blobs/partial', encodedOf(digestOf('half')));
  writeFileSync(partial, 'half');
  utimesSync(partial, 0, 0);
  expect(await images.gc.run()).toMatchObject({
    Enabled: false,
    Steps: [],
    Reason: expect.stringContaining('not set'),
  });
  policy = { high: { bytes: 1 }, low: { bytes: 1 }, keepLast: 0, pinned: ['kept'], minAgeMs: 0 };
  const plan = await images.gc.plan();
  expect(plan.Steps.map(({ Kind, Names }) => [Kind, ...Names])).toEqual([
    ['partial-download'],
    ['image', 'old:1'],
    ['image', 'used:1'],
  ]);
  expect(fixture.list()).toHaveLength(3);
  fixture.users.push({ imageId: used, containerId: 'box', running: false });
  const report = await images.gc.run();
  expect(report.Steps.map(({ Id }) => Id)).toEqual([digestOf('half'), plan.Steps[1]?.Id ?? '']);
  expect(report.Kept.map(({ Names, Reason }) => `${Names[0]}: ${Reason}`).sort()).toEqual([
    'kept:1: pinned by kept',
    'used:1: used by container box',
  ]);
  expect(report.Reclaims).toBeGreaterThan(100_000);
  expect(fixture.list().sort()).toEqual(['kept:1', 'used:1']);
  expect(fixture.events().slice(-3)).toEqual([
    `untag ${report.Steps[1]?.Id}`,
    `delete ${report.Steps[1]?.Id}`,
    'evict old:1',
  ]);
  expect(await fixture.leftOnDisk()).toMatchObject({ others: [] });
});

test('when images were used is known to the next engine', async () => {
  const policy: ImageGcPolicy = { high: { bytes: 1 }, low: { bytes: 1 }, keepLast: 0, pinned: [], minAgeMs: 0 };
  await using fixture = await openFixture(undefined, { gcPolicy: () => policy });
  const first = await fixture.importTar('first:1', [{ path: 'a', content: 'a' }]);
  const second = await fixture.importTar('second:1', [{ path: 'b', content: 'b' }]);
  const uses = async () => (await fixture.images.gc.plan()).Steps.map(({ Id, LastUsed }) => [Id, LastUsed]);
  const before = await uses();
  expect(before.map(([id]) => id)).toEqual(
    before[0]?.[1] === before[1]?.[1] ? [first, second].sort() : [first, second],
  );
  await fixture.reopen();
  expect(await uses()).toEqual(before);
});
