import { expect, setDefaultTimeout, test } from 'bun:test';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { listCgroups } from '#linux/cgroups';
import { eventually, mount, StepLab, shell } from './testing/lab.ts';

setDefaultTimeout(60_000);

test('of an engine that is killed in the midst of a step the next one leaves nothing', async () => {
  await using lab = new StepLab();
  await lab.start();
  const base = await lab.busybox();
  const begun = Promise.withResolvers<void>();
  const directory = join(lab.root, 'context2');
  mkdirSync(directory);
  const mounts = [mount('cache', '/c'), mount('bind', '/ctx', { input: 1 }), mount('bind', '/in', { input: 0 })];
  lab.begin(
    shell('echo begun > /file; echo begun; sleep 1000 & sleep 1000', { network: 'sandbox' }, mounts),
    [base, { kind: 'directory', path: directory }],
    { onLog: () => begun.resolve() },
  );
  await begun.promise;
  await lab.kill();
  expect(listCgroups(lab.cgroupParent)).toHaveLength(1);
  await lab.start();
  await eventually('nothing is left', () => lab.traces().length === 0);
  expect(existsSync(join(lab.root, 'data/build/scratch'))).toBe(false);
  expect((await lab.run(shell('true'), [await lab.busybox()])).error).toBeUndefined();
});
