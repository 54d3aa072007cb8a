import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { busyboxTar, startEngine, type TestEngine, until } from '../harness/index.ts';

/** An engine whose data root is a file system of its own, small enough for a container to fill. */
let disk: string;
let engine: TestEngine;

beforeAll(async () => {
  disk = mkdtempSync(join(tmpdir(), 'estiba-small-'));
  const { exitCode } = Bun.spawnSync(['mount', '-t', 'tmpfs', '-o', 'size=48m', 'estiba-small', disk]);
  expect(exitCode).toBe(0);
  engine = await startEngine({ arguments: ['--data-root', join(disk, 'data')] });
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  Bun.spawnSync(['umount', '--lazy', disk]);
  rmSync(disk, { recursive: true, force: true });
});

const state = (name: string): Promise<string> =>
  engine.dockerOk('inspect', '-f', '{{.State.Status}} {{.State.ExitCode}}', name);
const names = async (): Promise<string[]> =>
  (await engine.dockerOk('ps', '-a', '--format', '{{.Names}}')).split('\n').sort();

/** A container that takes all there is, and goes on. */
async function fill(name: string): Promise<void> {
  const script = 'while cat /dev/zero >> /full; do :; done 2>/dev/null; while :; do sleep 600; done';
  await engine.dockerOk('run', '-d', '--name', name, 'busybox', 'sh', '-c', script);
  await until('the disk to be full', () => statfsSync(disk).bavail === 0, 30_000);
}

test('a full disk loses no exit and no record, and is freed through the API', async () => {
  await engine.dockerOk(
    'run',
    '-d',
    '--name',
    'ends',
    '--init',
    'busybox',
    'sh',
    '-c',
    'trap "exit 7" TERM; sleep 600 & wait',
  );
  await engine.dockerOk('run', '-d', '--name', 'stays', 'busybox', 'sleep', '600');
  await fill('greedy');
  const all = ['ends', 'greedy', 'stays'];

  // What needs room is refused, and says why.
  expect(await engine.dockerOk('create', '--name', 'more', 'busybox', 'true')).toHaveLength(64);
  const refused = await engine.request('POST', '/containers/more/start');
  expect(refused.status).toBe(507);
  expect(((await refused.json()) as { message: string }).message).toContain('no space left on device');
  expect(await state('more')).toStartWith('created');
  const image = await engine.docker('import', busyboxTar(), 'copy');
  expect([image.code, image.stderr]).toEqual([1, expect.stringContaining('no space left on device')]);
  await engine.dockerOk('rm', 'more');
  expect(await names()).toEqual(all);

  // What does not need any goes on.
  await engine.dockerOk('stop', 'ends');
  expect(await state('ends')).toBe('exited 7');
  await engine.dockerOk('rename', 'ends', 'ended');
  await engine.dockerOk('kill', 'greedy');
  await until('the end', async () => (await state('greedy')) === 'exited 137');
  expect(statfsSync(disk).bavail).toBe(0);

  // So does an engine that starts there.
  await engine.kill();
  await engine.start();
  expect(await names()).toEqual(['ended', 'greedy', 'stays']);
  expect([await state('ended'), await state('greedy'), await state('stays')]).toEqual([
    'exited 7',
    'exited 137',
    'running 0',
  ]);
  await engine.dockerOk('container', 'prune', '-f');
  expect(await names()).toEqual(['stays']);
  expect(await engine.dockerOk('run', '--rm', 'busybox', 'echo', 'well')).toBe('well');

  // The same again, by hand: the room of the records is there for the next time.
  await fill('greedy');
  await engine.dockerOk('rm', '-f', 'greedy', 'stays');
  expect(await engine.dockerOk('run', '--rm', 'busybox', 'echo', 'well')).toBe('well');
  expect(await engine.settledLeftovers()).toEqual([]);
  expect(engine.log()).not.toContain('event not recorded');
}, 120_000);
