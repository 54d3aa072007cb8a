import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import type { LayersResult } from '../result.ts';
import { eventually, first, mount, StepLab, shell } from './testing/lab.ts';

setDefaultTimeout(60_000);
let lab: StepLab;
let base: LayersResult;
beforeAll(async () => {
  lab = new StepLab();
  await lab.start();
  base = await lab.busybox();
});
afterAll(() => lab[Symbol.asyncDispose]());

test('caches: kept from step to step, private ones apart, locked ones in turn', async () => {
  const cache = (id: string, sharing: 'shared' | 'private' | 'locked', owner = {}) =>
    mount('cache', '/c', { cache: { id, sharing, ...owner } });
  const go = async (script: string, one: ReturnType<typeof cache>) => await lab.run(shell(script, {}, [one]), [base]);
  await go('echo kept > /c/file', cache('one', 'shared'));
  expect((await go('cat /c/file', cache('one', 'shared'))).stdout).toBe('kept\n');
  expect((await go('cat /c/file; ls -ldn /c', cache('one', 'shared', { uid: 5, gid: 6, mode: 0o700 }))).stdout).toMatch(
    /^drwx------ +2 5 +6 /,
  );
  // As long as one step has it, another gets one of its own, waits for it, or shares it.
  const holder = lab.begin(
    shell('echo mine > /c/held; until test -e /c/go; do sleep 0.05; done', {}, [cache('two', 'shared')]),
    [base],
  );
  await eventually(
    'the cache is held',
    async () => (await go('cat /c/held', cache('two', 'shared'))).stdout === 'mine\n',
  );
  const waits = lab.begin(shell('true', {}, [cache('two', 'locked')]), [base]);
  const leaves = lab.begin(shell('true', {}, [cache('two', 'locked')]), [base]);
  await leaves.cancel();
  expect((await leaves.ended).error).toContain('context canceled');
  // Last, for what a private step leaves is anybody's.
  expect((await go('ls /c', cache('two', 'private'))).stdout).toBe('');
  await go('touch /c/go', cache('two', 'shared'));
  expect((await holder.ended).error).toBeUndefined();
  expect((await waits.ended).error).toBeUndefined();
  const listed = (await lab.ask({ do: 'caches' })) as { description: string; isInUse: boolean }[];
  expect(listed.filter(({ isInUse }) => isInUse)).toEqual([]);
  expect(listed.map(({ description }) => description)).toContain(
    'cached mount /c from exec /bin/sh -c echo kept > /c/file',
  );
});

test('a new cache begins as what it is mounted from', async () => {
  const made = await lab.run(shell('mkdir -m 750 /seed && echo seed > /seed/file && chown -R 9:9 /seed'), [base]);
  const seeded = mount('cache', '/c', { input: 1, selector: '/seed', cache: { id: 'seeded', sharing: 'shared' } });
  const { stdout, error } = await lab.run(shell('cat /c/file; stat -c "%a %u" /c /c/file', {}, [seeded]), [
    base,
    first(made.outputs),
  ]);
  expect(error).toBeUndefined();
  expect(stdout).toBe('seed\n750 9\n644 9\n');
});

test('a cache that a step mounts twice is one, also when it is locked', async () => {
  const mounts = ['/a', '/b'].map((target) => mount('cache', target, { cache: { id: 'twice', sharing: 'locked' } }));
  expect(await lab.run(shell('touch /a/file; ls /b', {}, mounts), [base])).toMatchObject({ stdout: 'file\n' });
});
