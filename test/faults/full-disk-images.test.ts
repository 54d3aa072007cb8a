import { afterAll, beforeAll, expect, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statfsSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dockerArchive, tar } from '../../src/images/fixture.ts';
import { type Ran, startEngine, startOwnRegistry, type TestEngine, until } from '../harness/index.ts';
import { settledProblems } from './wholeness.ts';
import { zeroArchive } from './zeroes.ts';

/** An engine whose data root is a file system of its own, which the test fills but for so many bytes. */
let disk: string;
let engine: TestEngine;
let scratch: string;
const mebibyte = 1024 * 1024;
const block = Buffer.alloc(mebibyte);

beforeAll(async () => {
  disk = mkdtempSync(join(tmpdir(), 'estiba-full-'));
  expect(Bun.spawnSync(['mount', '-t', 'tmpfs', '-o', 'size=64m', 'estiba-full', disk]).exitCode).toBe(0);
  scratch = mkdtempSync(join(tmpdir(), 'estiba-full-'));
  writeFileSync(settings(), '{}');
  const options = ['--config-file', settings(), '--max-download-attempts', '1'];
  engine = await startEngine({ arguments: ['--data-root', join(disk, 'data'), ...options] });
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  Bun.spawnSync(['umount', '--lazy', disk]);
  for (const directory of [disk, scratch]) rmSync(directory, { recursive: true, force: true });
});

const settings = (): string => join(scratch, 'daemon.json');
const filler = (): string => join(disk, 'filler');

/** Leaves so much of the disk. */
function leave(bytes: number): void {
  rmSync(filler(), { force: true });
  const { bavail, bsize } = statfsSync(disk);
  const file = openSync(filler(), 'w');
  let left = Math.max(0, Math.floor((bavail * bsize - bytes) / bsize) * bsize);
  while (left > 0) left -= writeSync(file, block, 0, Math.min(left, block.length));
  closeSync(file);
}

const problems = (): Promise<string[]> => settledProblems(join(disk, 'data'));

async function images(): Promise<string[]> {
  const all = await engine.get<{ Id: string; RepoTags: string[] }[]>('/images/json?all=1');
  return all.map(({ Id, RepoTags }) => `${Id} ${RepoTags.join(' ')}`);
}

/** A layer that does not compress. */
const layer = (name: string): Buffer =>
  tar(...[0, 1, 2].map((index) => ({ path: `${name}/${index}`, content: randomBytes(mebibyte) })));

/** Tries it with less room than it takes, over and over, until it has enough; tells how often there was too little. */
async function growing(stepBytes: number, attempt: () => Promise<Ran>): Promise<number> {
  const before = await images();
  for (let refused = 0; refused < 40; refused += 1) {
    leave(refused * stepBytes);
    const ran = await attempt();
    if (ran.code === 0) {
      rmSync(filler());
      expect(await problems()).toEqual([]);
      return refused;
    }
    expect([ran.code, ran.stderr]).toEqual([1, expect.stringContaining('no space left on device')]);
    expect(await images()).toEqual(before);
    expect(await problems()).toEqual([]);
  }
  throw new Error('it never had enough room');
}

test('import, load and commit on a disk that is full at any of their steps: said so, nothing left, and done once there is room', async () => {
  const archive = join(engine.root, 'archive.tar');
  writeFileSync(archive, dockerArchive([layer('a'), layer('b')], ['full:loaded']));
  expect(await growing(4.3 * mebibyte, () => engine.docker('load', '-q', '-i', archive))).toBeGreaterThan(2);
  const one = join(engine.root, 'layer.tar');
  writeFileSync(one, layer('c'));
  expect(await growing(1.9 * mebibyte, () => engine.docker('import', one, 'full:imported'))).toBeGreaterThan(2);
  await engine.dockerOk('run', '--name', 'changed', 'busybox', 'dd', 'if=/dev/urandom', 'of=/big', 'bs=1M', 'count=3');
  expect(await growing(1.9 * mebibyte, () => engine.docker('commit', 'changed', 'full:committed'))).toBeGreaterThan(2);

  // To look and to take away needs no room.
  leave(0);
  const saved = await engine.docker('save', '-o', join(engine.root, 'saved.tar'), 'full:loaded');
  expect([saved.code, saved.stderr]).toEqual([0, '']);
  const outside = await engine.docker('save', '-o', join(disk, 'saved.tar'), 'full:loaded');
  expect([outside.code, outside.stderr]).toEqual([1, expect.stringContaining('no space left on device')]);
  const own = await engine.estiba('save', '-o', join(disk, 'saved.tar'), 'full:loaded');
  expect([own.code, own.stderr]).toEqual([1, expect.stringContaining('no space left on device')]);
  expect(existsSync(join(disk, 'saved.tar'))).toBe(false);
  await engine.dockerOk('rm', 'changed');
  await engine.dockerOk('rmi', 'full:loaded', 'full:imported', 'full:committed');
  expect(await problems()).toEqual([]);
  expect(await engine.dockerOk('run', '--rm', 'busybox', 'echo', 'well')).toBe('well');
}, 120_000);

test('pull, push and a registry on a full disk: said so, what came of a layer stays for the next try, and done once there is room', async () => {
  await using registry = await startOwnRegistry({ root: join(disk, 'registry') });
  const host = new URL(registry.url).host;
  const one = join(engine.root, 'layer.tar');
  const name = `${host}/full/image:1`;
  writeFileSync(one, layer('pulled'));
  await engine.dockerOk('import', one, name);

  // The registry has not the room; then the engine, which needs none.
  leave(mebibyte);
  const refused = await engine.docker('push', name);
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('no space left')]);
  expect(readdirSync(join(disk, 'registry'), { recursive: true }).length).toBeLessThan(40);
  leave(3.6 * mebibyte);
  await engine.dockerOk('push', name);
  leave(0);
  await engine.dockerOk('push', name);
  await engine.dockerOk('rmi', name);
  expect(await growing(1.9 * mebibyte, () => engine.docker('pull', name))).toBeGreaterThan(1);
  expect(readdirSync(join(disk, 'data/blobs/partial'))).toEqual([]);

  leave(0);
  await engine.dockerOk('rmi', name);
  expect(await problems()).toEqual([]);
  await engine.dockerOk('pull', name);
  rmSync(filler());
  expect(await engine.dockerOk('run', '--rm', 'busybox', 'echo', 'well')).toBe('well');
}, 120_000);

test('a layer of 128 MiB of zeroes fits on a disk of 64 MB, in an archive that is packed as a whole', async () => {
  const archive = join(engine.root, 'zeroes.tar.gz');
  writeFileSync(archive, zeroArchive(128, 'full:zeroes'));
  const { code, stderr } = await engine.docker('load', '-q', '-i', archive);
  expect([code, stderr]).toEqual([0, '']);
  expect(await engine.dockerOk('image', 'inspect', '-f', '{{.Size}}', 'full:zeroes')).toBe(String(128 * mebibyte));
  await engine.dockerOk('rmi', 'full:zeroes');
  expect(await problems()).toEqual([]);
}, 120_000);

test('image gc on a full disk: it needs no room of its own, and what was refused fits then', async () => {
  const since = Math.floor(Date.now() / 1000);
  const one = join(engine.root, 'layer.tar');
  const importLayer = async (name: string): Promise<Ran> => {
    writeFileSync(one, layer(name));
    return engine.docker('import', one, name);
  };
  for (const name of ['gc/a:1', 'gc/a:2', 'gc/a:3', 'gc/b:1']) expect((await importLayer(name)).stderr).toBe('');
  leave(0);
  const refused = await importLayer('gc/c:1');
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('no space left on device')]);

  const policy = { high: '90%', low: '10%', 'keep-last': 1, 'min-age': '0s', pinned: ['busybox'] };
  writeFileSync(settings(), JSON.stringify({ 'image-gc': policy }));
  process.kill(engine.pid(), 'SIGHUP');
  const names = async (): Promise<string[]> =>
    (await engine.dockerOk('images', '--format', '{{.Repository}}:{{.Tag}}', 'gc/*')).split('\n').sort();
  await until('room to be made', async () => (await names()).length === 2, 30_000);
  const ran = await engine.estiba('image', 'gc');
  expect([ran.code, ran.stderr, ran.stdout]).toEqual([0, '', expect.stringContaining('keeps gc/b:1')]);
  expect(await names()).toEqual(['gc/a:3', 'gc/b:1']);
  const till = (Date.now() / 1000 + 0.1).toFixed(3);
  const evicted = ['events', '--since', String(since), '--until', till, '-f', 'event=evict'];
  expect(await engine.dockerOk(...evicted, '--format', '{{.Actor.Attributes.name}}')).toBe('gc/a:1\ngc/a:2');
  expect(await problems()).toEqual([]);
  expect((await importLayer('gc/c:1')).stderr).toBe('');
  rmSync(filler());
  expect(await engine.dockerOk('run', '--rm', 'busybox', 'echo', 'well')).toBe('well');
}, 120_000);
