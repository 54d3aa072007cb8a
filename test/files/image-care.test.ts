import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DiskShareReport, ImageCheckReport, ImageDifference, ImageGcReport, ImageTree } from '#api';
import { startEngine, type TestEngine, until } from '../harness/index.ts';

setDefaultTimeout(60_000);

const settings = mkdtempSync(join(tmpdir(), 'image-care-'));
const settingsFile = join(settings, 'daemon.json');
let engine: TestEngine;
beforeAll(async () => {
  writeFileSync(settingsFile, '{}');
  engine = await startEngine({ arguments: ['--config-file', settingsFile] });
  await engine.dockerOk('run', '--name', 'maker', 'busybox', 'sh', '-c', 'echo new > /etc/new; rm /etc/group');
  await engine.dockerOk('commit', '-c', 'ENV COLOUR=red', 'maker', 'made:1');
  await engine.dockerOk('rm', 'maker');
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  rmSync(settings, { recursive: true, force: true });
});

/** What our CLI prints as JSON; it must exit with `code`. */
async function told<T>(code: number, ...args: readonly string[]): Promise<T> {
  const ran = await engine.estiba(...args, '--format', 'json');
  if (ran.code !== code) throw new Error(`estiba ${args.join(' ')} exited ${ran.code}: ${ran.stdout}${ran.stderr}`);
  return JSON.parse(ran.stdout) as T;
}

async function layerOf(image: string): Promise<string> {
  return engine.dockerOk('image', 'inspect', '-f', '{{.GraphDriver.Data.UpperDir}}', image);
}

test('image diff and image tree: what a commit has changed, and what it shares', async () => {
  const difference = await told<ImageDifference>(0, 'image', 'diff', 'busybox', 'made:1');
  expect(difference.Files.map(({ Kind, Path }) => `${Kind} ${Path}`)).toEqual(['removed /etc/group', 'added /etc/new']);
  expect(difference.Config).toContainEqual({ Field: 'Env', Key: 'COLOUR', After: 'red' });
  expect(difference.SharedLayers).toBe(1);
  const { stdout } = await engine.estiba('image', 'diff', 'busybox', 'made:1');
  expect(stdout).toContain('  A /etc/new (+4B)\n');
  expect(await engine.estiba('image', 'diff', 'busybox', 'none')).toMatchObject({ code: 1 });
  const { Roots } = await told<ImageTree>(0, 'image', 'tree');
  expect(Roots).toMatchObject([{ Sharers: 2, Images: [{ Names: ['busybox:latest'] }], Children: [{ Sharers: 1 }] }]);
  expect((await engine.estiba('image', 'tree', 'made:1')).stdout).toMatch(/in 2 images\n├─ busybox:latest .*\n└─ /);
});

test('a nameless image that another was made from: hidden, kept while that is there, and gone with it', async () => {
  await engine.dockerOk('create', '--name', 'first', 'busybox', 'sh');
  const parent = await engine.dockerOk('commit', '-c', 'LABEL kin=1', 'first');
  await engine.dockerOk('create', '--name', 'second', parent, 'sh');
  const child = await engine.dockerOk('commit', '-c', 'LABEL kin=2', 'second', 'child:1');
  await engine.dockerOk('rm', 'first', 'second');
  const listed = (...flags: string[]) => engine.dockerOk('images', '--no-trunc', '-q', '-f', 'label=kin', ...flags);
  expect(await listed()).toBe(child);
  expect((await listed('-a')).split('\n').sort()).toEqual([child, parent].sort());
  expect(await listed('-a', '-f', 'dangling=true')).toBe('');
  expect((await engine.docker('rmi', '-f', parent)).stderr).toContain(
    '(cannot be forced) - image has dependent child images',
  );
  expect(await engine.dockerOk('image', 'prune', '-af', '--filter', 'label=kin=1')).toBe('Total reclaimed space: 0B');
  const removed = await engine.dockerOk('rmi', 'child:1');
  expect(removed.split('\n')).toEqual(['Untagged: child:1', `Deleted: ${child}`, `Deleted: ${parent}`]);
});

test('image check --repair: below a container that runs nothing changes, then the layer is healed', async () => {
  expect((await engine.estiba('image', 'check')).stdout).toMatch(/busybox:latest \(\w+\): whole\n/);
  await engine.dockerOk('run', '-d', '--name', 'box', 'busybox', 'sleep', '3600');
  writeFileSync(join(await layerOf('busybox'), 'etc/passwd'), 'damaged');
  const [report] = await told<ImageCheckReport[]>(1, 'image', 'check', 'busybox');
  expect(report?.Problems).toMatchObject([{ Subject: 'layer', Path: '/etc/passwd', Message: 'changed: size' }]);
  const [refused] = await told<ImageCheckReport[]>(1, 'image', 'check', '--repair', 'busybox');
  const id = (await engine.dockerOk('inspect', '-f', '{{.Id}}', 'box')).slice(0, 12);
  expect(refused?.NotHealed[0]).toContain(`mounted by ${id}`);
  expect(await engine.dockerOk('exec', 'box', 'cat', '/etc/passwd')).toBe('damaged');
  await engine.dockerOk('kill', 'box');
  await until('the container to be unmounted', async () => {
    const ran = await engine.estiba('image', 'check', '--repair');
    return ran.code === 0;
  });
  await engine.dockerOk('start', 'box');
  expect(await engine.dockerOk('exec', 'box', 'cat', '/etc/passwd')).toContain('root:x:0:0');
  await engine.dockerOk('rm', '-f', 'box');
  expect(await engine.estiba('image', 'check', 'none')).toMatchObject({ code: 1 });
});

test('system df -v: what is below the data root is what du counts, by kind', async () => {
  const counted = async () => {
    const { Total, Shares } = await engine.get<DiskShareReport>('/estiba/system/df');
    const du = Bun.spawnSync(['du', '-sx', '--block-size=1', engine.dataRoot]).stdout.toString();
    return { Total, Shares, du: Number(/^\d+/.exec(du)?.[0]) };
  };
  // Records are written meanwhile, and what was removed goes in the background.
  await until('both to count the same', async () => {
    const { Total, du } = await counted();
    return Math.abs(Total - du) < 256 * 1024;
  });
  const { Shares } = await counted();
  const layers = Shares.find(({ Kind }) => Kind === 'layers')?.Size ?? 0;
  const { LayersSize = 0 } = await engine.get<{ LayersSize?: number }>('/system/df');
  expect(layers).toBeGreaterThanOrEqual(LayersSize);
  expect((await engine.estiba('system', 'df', '-v')).stdout).toContain('Everything on the disk below');
  expect(await engine.dockerOk('system', 'df', '-v')).not.toContain('Everything on the disk');
});

test('image-gc: nothing without a policy; SIGHUP brings one, and what nobody uses goes', async () => {
  expect(await told<ImageGcReport>(0, 'image', 'gc')).toMatchObject({ Enabled: false, Steps: [] });
  const policy = { high: 1, low: 1, pinned: ['busybox'], 'min-age': '0' };
  writeFileSync(settingsFile, JSON.stringify({ 'image-gc': policy }));
  const since = (Date.now() / 1000 - 1).toFixed(3);
  process.kill(engine.pid(), 'SIGHUP');
  await until('the image to be gone', async () => (await engine.docker('image', 'inspect', 'made:1')).code !== 0);
  const plan = await told<ImageGcReport>(0, 'image', 'gc', '--dry-run');
  expect(plan.Kept).toMatchObject([{ Names: ['busybox:latest'], Reason: 'pinned by busybox' }]);
  expect(plan.Policy).toEqual({ High: '1', Low: '1', KeepLast: 0, Pinned: ['busybox'], MinAge: '0s' });
  const till = (Date.now() / 1000 + 0.1).toFixed(3);
  const format = '{{.Action}} {{.Actor.Attributes.name}} {{.Actor.Attributes.reason}}';
  const events = await engine.dockerOk(
    'events',
    '--since',
    since,
    '--until',
    till,
    '-f',
    'type=image',
    '--format',
    format,
  );
  expect(events).toContain('evict made:1 nobody has used it for');
  expect((await engine.estiba('image', 'gc')).stdout).toContain('keeps busybox:latest');
});
