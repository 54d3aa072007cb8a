import { expect, test } from 'bun:test';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mediaTypes } from '#oci';
import { collectGarbage } from './admin.ts';
import { type Collected, collect } from './collect.ts';
import { parseRetention, parseRetentionFlag } from './retention.ts';
import { openStorage } from './storage.ts';
import { describe, digest, imageIndex, startTestRegistry } from './testing/client.ts';

const dayMs = 86_400_000;
const soon = (): number => Date.now() + 2 * dayMs;

const names = ({ removals }: Collected, kind: string): string[] =>
  removals.filter((removal) => removal.kind === kind).map(({ repository, name }) => `${repository} ${name}`);

test('what nothing names goes after the grace, from each repository and then from the disk', async () => {
  await using started = startTestRegistry();
  const { client, registry, root } = started;
  const image = await client.pushImage('a', 'v1', 'kept');
  for (const repository of ['a', 'b']) await client.pushBlob(repository, 'nobody names it');
  await client.pushBlob('b', 'kept');
  const upload = await client.startUpload('c');
  expect((await registry.collect()).removals).toEqual([]);

  const planned = await registry.collect(true, soon());
  const orphan = digest('nobody names it');
  expect(names(planned, 'blob').sort()).toEqual([`a ${orphan}`, `b ${digest('kept')}`, `b ${orphan}`].sort());
  expect(names(planned, 'upload')).toEqual([`c ${upload.split('/').at(-1)}`]);
  // The one that repository a keeps has its file still.
  expect(planned.freedBytes).toBe('nobody names it'.length);
  expect((await client.send('HEAD', `a/blobs/${orphan}`)).status).toBe(200);

  const done = await registry.collect(false, soon());
  expect(done).toEqual({ ...planned, dryRun: false });
  expect(readdirSync(join(root, 'blobs/sha256'))).not.toContain(orphan.slice(7));
  expect(readdirSync(join(root, 'blobs/trash'))).toEqual([]);
  for (const path of [`a/blobs/${orphan}`, `b/blobs/${digest('kept')}`, upload]) {
    expect((await client.send('GET', path)).status).toBe(404);
  }
  expect(await (await client.send('GET', '_catalog')).json()).toEqual({ repositories: ['a'] });
  expect((await client.send('GET', `a/manifests/${image}`)).status).toBe(200);
  expect(await (await client.send('GET', `a/blobs/${digest('kept')}`)).text()).toBe('kept');
});

test('whoever asks for a blob or mounts it has the grace from then on to name it', async () => {
  await using started = startTestRegistry({ graceMs: 200 });
  const { client, registry } = started;
  const [asked, mounted, other] = await Promise.all(
    ['asked', 'mounted', 'other'].map((text) => client.pushBlob('a', text)),
  );
  const pushedAt = Date.now();
  // A lease is renewed when a tenth of it is over.
  while (Date.now() < pushedAt + 110) await Bun.sleep(5);
  expect((await client.send('HEAD', `a/blobs/${asked}`)).status).toBe(200);
  expect((await client.send('POST', `b/blobs/uploads/?mount=${mounted}&from=a`)).status).toBe(201);
  const collected = await registry.collect(false, pushedAt + 201);
  expect(names(collected, 'blob').sort()).toEqual([`a ${mounted}`, `a ${other}`].sort());
  expect((await client.send('GET', `b/blobs/${mounted}`)).status).toBe(200);
});

test('retention: the newest tags of a pattern stay, and with them what they name and what refers to them', async () => {
  const retention = parseRetention([
    { repositories: 'team/*', tags: 'v*', keepLast: 2 },
    { repositories: 'team/*', tags: 'pr-*', maxAgeDays: 1 },
    { repositories: '**', untaggedDays: 5 },
  ]);
  await using started = startTestRegistry({ retention });
  const { client, registry } = started;
  for (const tag of ['v1', 'v2', 'v3', 'pr-7', 'latest']) await client.pushImage('team/app', tag, `layer of ${tag}`);
  const old = await client.pushImage('other', 'v1', 'layer');
  await client.pushImage('other', 'v1', 'newer layer');
  const part = await client.pushImage('team/app', undefined, 'a platform');
  const index = imageIndex([(await (await client.send('GET', `team/app/manifests/${part}`)).text()) as string]);
  expect((await client.putManifest('team/app', 'v4', index, mediaTypes.index)).status).toBe(201);
  const signature = await client.pushImage('team/app', undefined, 'signature', { subject: describe(index) });

  const planned = await registry.collect(true, soon());
  expect(planned.removals.filter(({ kind }) => kind === 'tag')).toEqual([
    { kind: 'tag', repository: 'team/app', name: 'v2', reason: 'not among the newest 2 of v*' },
    { kind: 'tag', repository: 'team/app', name: 'v1', reason: 'not among the newest 2 of v*' },
    { kind: 'tag', repository: 'team/app', name: 'pr-7', reason: 'older than 1 days' },
  ]);
  const done = await registry.collect(false, soon());
  expect(done.removals).toEqual(planned.removals);
  expect(names(done, 'manifest')).toHaveLength(3);
  expect(names(done, 'blob')).toContain(`team/app ${digest('layer of v1')}`);
  const tags = (await (await client.send('GET', 'team/app/tags/list')).json()) as { tags: string[] };
  expect(tags.tags).toEqual(['latest', 'v3', 'v4']);
  for (const name of [part, signature, digest(index)]) {
    expect((await client.send('GET', `team/app/manifests/${name}`)).status).toBe(200);
  }
  // What lost its tag to another image is there for the days of the rule.
  expect((await client.send('GET', `other/manifests/${old}`)).status).toBe(200);
  const later = await registry.collect(false, Date.now() + 6 * dayMs);
  expect(later.removals.find(({ name }) => name === old)?.reason).toBe('untagged for 5 days');

  // With the index what it names and what refers to it.
  await client.send('DELETE', 'team/app/manifests/v4');
  const last = await registry.collect(false, Date.now() + 12 * dayMs);
  expect(names(last, 'manifest').sort()).toEqual(
    [part, signature, digest(index)].map((name) => `team/app ${name}`).sort(),
  );
});

test('a file that is about to be linked stays, though no repository has it yet', async () => {
  const root = mkdtempSync(join(tmpdir(), 'estiba-registry-'));
  try {
    using storage = openStorage(root, 0);
    const name = digest('on its way');
    writeFileSync(storage.content.path(name), 'on its way');
    const options = { rules: [], uploadLifeMs: dayMs };
    {
      using _ = storage.content.pin(name);
      expect((await collect(storage, options)).removals).toEqual([]);
    }
    const { removals, freedBytes } = await collect(storage, options);
    expect(removals).toEqual([{ kind: 'file', repository: '', name, reason: 'in no repository' }]);
    expect(freedBytes).toBe(10);
    expect(storage.content.sizeBytes(name)).toBeUndefined();
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});

test('garbage is collected on demand, by whoever serves the root, and without one', async () => {
  await using started = startTestRegistry();
  const { client, registry, root } = started;
  const chosen = { rules: [], graceMs: 0, uploadLifeMs: dayMs, dryRun: false, isChosen: true };
  const orphan = await client.pushBlob('a', 'nobody names it');
  expect(await collectGarbage(root, { ...chosen, isChosen: false })).toMatchObject({ removals: [], dryRun: false });
  await expect(collectGarbage(root, chosen)).rejects.toThrow('rules and times of its own');
  await registry.close();
  expect(existsSync(join(root, 'admin.sock'))).toBe(false);
  expect(names(await collectGarbage(root, chosen), 'blob')).toEqual([`a ${orphan}`]);
  // A mistyped directory is not made.
  await expect(collectGarbage(join(root, 'typo'), chosen)).rejects.toMatchObject({ kind: 'not-found' });
  expect(existsSync(join(root, 'typo'))).toBe(false);
});

test('a retention rule that makes no sense is refused', () => {
  expect(parseRetentionFlag('repositories=a/**,tags=v*,keep-last=3,max-age-days=1.5')).toEqual({
    repositories: 'a/**',
    tags: 'v*',
    keepLast: 3,
    maxAgeDays: 1.5,
  });
  const wrong = ['', 'keep-last=1', 'repositories=a', 'repositories=a,keep-last=x', 'repositories=a,keep-last=1.5'];
  for (const text of [...wrong, 'repositories=a,keep-last=-1', 'repositories=a,keep-last=', 'repositories=a,what=1']) {
    expect(() => parseRetentionFlag(text)).toThrow();
  }
  expect(() => parseRetention({})).toThrow('no list');
});
