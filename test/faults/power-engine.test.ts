import { expect, test } from 'bun:test';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dockerArchive, tar } from '../../src/images/fixture.ts';
import { killHard, startEngine, type TestEngine, until } from '../harness/index.ts';
import { PowerDisk } from '../harness/power-disk.ts';
import { imageProblems } from './wholeness.ts';

/** A machine that loses its power: no process goes on, and what is in memory (the exec root) is gone. */
async function loseMachine(engine: TestEngine, disk: PowerDisk): Promise<void> {
  for (const pid of disk.users()) await killHard(pid);
  await disk.unmounted();
  rmSync(engine.execRoot, { recursive: true });
}

async function problems(engine: TestEngine, disk: PowerDisk): Promise<string[]> {
  let last: string[] = [];
  await until('nothing to be left', async () => {
    last = await imageProblems(join(disk.seenThrough(engine.pid()), 'data'));
    return last.length === 0;
  }).catch(() => undefined);
  return last;
}

/** A layer of files, one of which is a program that says its seed. */
const layer = (seed: number): Buffer =>
  tar(...Array.from({ length: 200 }, (_, index) => ({ path: `d/${index}`, content: Buffer.alloc(5000, `${seed}`) })), {
    path: `said-${seed}`,
    content: `layer ${seed}`,
  });

test('a machine loses its power right after an answer, and in the midst of a load: what was told is there, and runs', async () => {
  await using disk = new PowerDisk(192);
  const data = join(disk.path, 'data');
  await using engine = await startEngine({
    arguments: ['--data-root', data],
    within: (command) => disk.within(command),
  });
  const archive = join(engine.root, 'archive.tar');
  const busybox = join(engine.root, 'busybox.tar');
  await engine.dockerOk('save', '-o', busybox, 'busybox');

  // Right after the answer to a load; the container before it is told of as well.
  await engine.dockerOk('create', '--name', 'made', '-v', 'volume:/volume', 'busybox', 'echo', 'I was made');
  writeFileSync(archive, dockerArchive([layer(1), layer(2)], ['told:1']));
  await engine.dockerOk('load', '-q', '-i', archive);
  disk.cut(engine.pid());
  await loseMachine(engine, disk);
  await engine.start();
  expect(await problems(engine, disk)).toEqual([]);
  expect(await engine.dockerOk('start', '-a', 'made')).toBe('I was made');
  await engine.dockerOk('create', '--name', 'of-told', 'told:1', 'x');
  await engine.dockerOk('cp', 'of-told:/said-2', join(engine.root, 'said'));

  // Right after the answer to a commit.
  await engine.dockerOk('run', '--name', 'changed', 'busybox', 'sh', '-c', 'echo kept > /kept');
  await engine.dockerOk('commit', '-c', 'CMD ["cat", "/kept"]', 'changed', 'told:committed');
  disk.cut(engine.pid());
  await loseMachine(engine, disk);
  await engine.start();
  expect(await problems(engine, disk)).toEqual([]);
  expect(await engine.dockerOk('run', '--rm', 'told:committed')).toBe('kept');
  await engine.dockerOk('rm', 'changed');

  // In the midst of a load, which then heals.
  writeFileSync(archive, dockerArchive([layer(1), layer(3)], ['told:2']));
  const cut = await disk.cutAfter(300, engine.pid());
  const loaded = await engine.docker('load', '-q', '-i', archive);
  expect(loaded.code).toBe(1);
  await cut.counted;
  await loseMachine(engine, disk);
  await engine.start();
  expect(await problems(engine, disk)).toEqual([]);
  const tags = await engine.dockerOk('images', '--format', '{{.Repository}}:{{.Tag}}');
  expect(tags.split('\n').sort()).toEqual(['busybox:latest', 'told:1', 'told:committed']);
  await engine.dockerOk('load', '-q', '-i', archive);
  expect(await problems(engine, disk)).toEqual([]);
  await engine.dockerOk('rm', 'made', 'of-told');
  expect(await engine.settledLeftovers()).toEqual([]);
}, 120_000);
