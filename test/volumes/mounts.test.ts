import { afterAll, beforeAll, expect, test } from 'bun:test';
import {
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Mount, Volume } from '#api';
import { bindMount, mountTmpfs, readMounts, setPropagation, unmount } from '#linux/mount';
import { startEngine, type TestEngine, until } from '../harness/index.ts';
import { createScript, importImage, runScript, untilLogged } from './containers.ts';

let engine: TestEngine;
let tree = '';
let locked = '';

beforeAll(async () => {
  // Before the engine: where it has mounts of its own, it sees those of the host that were there.
  locked = mkdtempSync(join(tmpdir(), 'estiba-locked-'));
  mountTmpfs(locked);
  bindMount(locked, locked, { readOnly: true });
  tree = mkdtempSync(join(tmpdir(), 'estiba-mounts-'));
  mountTmpfs(tree);
  setPropagation(tree, 'shared');
  mkdirSync(join(tree, 'sub'));
  mountTmpfs(join(tree, 'sub'));
  writeFileSync(join(tree, 'file'), 'of the host\n');
  engine = await startEngine();
  await importImage(
    engine,
    'filled:1',
    (root) => {
      mkdirSync(join(root, 'data/sub'), { recursive: true });
      writeFileSync(join(root, 'data/file'), 'of the image\n');
      chownSync(join(root, 'data/file'), 5, 6);
      writeFileSync(join(root, 'data/sub/inner'), 'inner\n');
      symlinkSync('/etc/passwd', join(root, 'data/link'));
      chownSync(join(root, 'data'), 7, 8);
    },
    ['VOLUME /declared', 'VOLUME relative'],
  );
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  for (const place of [tree, locked]) {
    for (const { target } of readMounts().reverse()) if (target.startsWith(place)) unmount(target, { lazy: true });
    rmSync(place, { recursive: true, force: true });
  }
});

const inTree = (...fields: Partial<Mount>[]): Mount[] =>
  fields.map((given) => ({ Type: 'bind', Source: tree, Target: '/x', ...given }));
const volume = (Source: string, fields: Partial<Mount> = {}): Mount => ({
  Type: 'volume',
  Source,
  Target: '/x',
  ...fields,
});
const part = (Source: string, Subpath: string): Mount => volume(Source, { VolumeOptions: { Subpath } });

async function dataOf(name: string): Promise<string> {
  return (await engine.get<Volume>(`/volumes/${name}`)).Mountpoint;
}

test("the image's content is in a new volume once the container is created", async () => {
  const made = await createScript(engine, 'copied', {
    image: 'filled:1',
    host: { Binds: ['outer:/data', 'inner:/data/sub', 'bare:/data/nowhere', 'none:/declared/x:nocopy'] },
  });
  expect(made.status).toBe(201);
  const outer = await dataOf('outer');
  expect(readdirSync(outer).toSorted()).toEqual(['file', 'link', 'sub']);
  expect(readFileSync(join(await dataOf('inner'), 'inner'), 'utf8')).toBe('inner\n');
  expect(readdirSync(await dataOf('bare'))).toEqual([]);
  const script =
    'stat -c "%u:%g %n" /data /data/file; readlink /data/link; cat /data/sub/inner; grep -c " /data" /proc/self/mountinfo';
  const shown = await runScript(engine, { host: { Binds: ['inner:/data/sub', 'outer:/data:ro'] }, script });
  expect(shown.output.split('\n')).toEqual(['7:8 /data', '5:6 /data/file', '/etc/passwd', 'inner', '2']);
  expect((await engine.request('DELETE', '/volumes/outer')).status).toBe(409);
  await engine.dockerOk('rm', 'copied');
  // What was put in since is not copied over.
  writeFileSync(join(outer, 'file'), 'mine');
  rmSync(join(outer, 'link'));
  const again = await runScript(engine, {
    image: 'filled:1',
    host: { Binds: ['outer:/data'] },
    script: 'cat /data/file; ls /data',
  });
  expect(again.output).toBe('minefile\nsub');
  await engine.dockerOk('volume', 'rm', 'outer', 'inner', 'bare', 'none');
});

test('volumes that an image declares, and a place in it that no volume can take', async () => {
  const { mounts, output } = await runScript(engine, {
    image: 'filled:1',
    host: { Tmpfs: { '/declared': 'size=1m' } },
    script: 'grep -E " /(declared|relative) " /proc/self/mountinfo | cut -d" " -f5 | sort',
  });
  expect(output).toBe('/declared\n/relative');
  expect(mounts).toMatchObject([{ Type: 'volume', Destination: 'relative', Driver: 'local', Mode: '', RW: true }]);
  const over = await createScript(engine, '', { host: { Binds: ['over:/etc/passwd'] } });
  expect(over.status).toBe(500);
  expect(await over.text()).toMatch(/"source .*\/etc\/passwd is not directory"/);
  expect((await engine.request('DELETE', '/volumes/over')).status).toBe(204);
  // The files that each container is given need their places in it.
  const etc = await runScript(engine, { host: { Binds: ['etc:/etc:ro'] }, script: 'ls /etc; grep -c . /etc/hosts' });
  expect(etc.output).toMatch(/^group\nhostname\nhosts\npasswd\nresolv.conf\n\d$/);
  await engine.dockerOk('volume', 'rm', 'etc');
});

test('a part of a volume, never one that leads out of it', async () => {
  const prepare =
    'mkdir -p /x/a/deep; echo of the part > /x/a/file; ln -s / /x/out; ln -s ../.. /x/a/up; ln -s deep /x/a/in; ln -s loop /x/loop; ln -s a/deep /x/rel';
  await runScript(engine, { host: { Mounts: [volume('parts')] }, script: prepare });
  const shows = async (subpath: string, script: string): Promise<string> => {
    const { message, output } = await runScript(engine, { host: { Mounts: [part('parts', subpath)] }, script });
    return message || output;
  };
  const root = await dataOf('parts');
  expect(await shows('a', 'ls /x; echo new > /x/deep/made')).toBe('deep\nfile\nin\nup');
  expect(await shows('a/in', 'ls /x')).toBe('made');
  expect(await shows('rel/../a/file', 'cat /x')).toBe('of the part');
  const escapes = 'path concatenation escapes the base directory, base:';
  expect(await shows('out', 'ls /x')).toBe(`${escapes} ${root}, subpath: out`);
  expect(await shows('out/etc', 'ls /x')).toBe(`${escapes} ${root}, subpath: out/etc`);
  expect(await shows('a/up', 'ls /x')).toBe(`${escapes} ${root}, subpath: a/up`);
  expect(await shows('nope', 'ls')).toBe(
    `cannot access path ${root}/nope: lstat ${root}/nope: no such file or directory`,
  );
  expect(await shows('loop', 'ls')).toContain('too many links');
  expect(await shows('a/file/x', 'ls')).toContain('not a directory');
  expect(readdirSync(join(engine.execRoot, 'pins'))).toEqual([]);
  await engine.dockerOk('volume', 'rm', 'parts');
});

test('what older versions of the API do not know is refused by name', async () => {
  const refusal = async (version: string, mount: Mount): Promise<string> =>
    (await runScript(engine, { version, host: { Mounts: [mount] } })).message;
  expect(await refusal('/v1.44', part('x1', 'a'))).toBe('VolumeOptions.Subpath needs API v1.45 or newer');
  expect(await refusal('/v1.47', { Type: 'image', Source: 'filled:1', Target: '/x' })).toBe(
    'Mount type "Image" needs API v1.48 or newer',
  );
  const [forced] = inTree({ ReadOnly: true, BindOptions: { ReadOnlyForceRecursive: true } });
  if (forced === undefined) throw new Error('no mount');
  expect(await refusal('/v1.43', forced)).toBe('BindOptions.ReadOnlyForceRecursive needs API v1.44 or newer');
});

/** The flags that the mounts at and below /x have, in their order. */
const flags = `grep ' /x' /proc/self/mountinfo | awk '{ split($6, f, ","); print $5, f[1] }'`;

test('read-only binds take in what is mounted below, as the version of the API and the options say', async () => {
  const seen = async (version: string, fields: Partial<Mount>): Promise<string> => {
    const host = { Mounts: inTree({ ReadOnly: true, ...fields }) };
    const { output, message } = await runScript(engine, { version, host, script: flags });
    return message || output.replaceAll('\n', ', ');
  };
  expect(await seen('', {})).toBe('/x ro, /x/sub ro');
  expect(await seen('/v1.43', {})).toBe('/x ro, /x/sub rw');
  expect(await seen('', { BindOptions: { ReadOnlyNonRecursive: true } })).toBe('/x ro, /x/sub rw');
  expect(await seen('', { BindOptions: { ReadOnlyForceRecursive: true } })).toBe('/x ro, /x/sub ro');
  expect(await seen('', { BindOptions: { NonRecursive: true } })).toBe('/x ro');
  expect(await seen('', { ReadOnly: false })).toBe('/x rw, /x/sub rw');
  const conflict = 'mount options conflict:';
  expect(await seen('', { ReadOnly: false, BindOptions: { ReadOnlyNonRecursive: true } })).toBe(
    `${conflict} !ReadOnly && BindOptions.ReadOnlyNonRecursive`,
  );
  expect(await seen('', { BindOptions: { ReadOnlyNonRecursive: true, ReadOnlyForceRecursive: true } })).toBe(
    `${conflict} ReadOnlyNonRecursive && BindOptions.ReadOnlyForceRecursive`,
  );
  const short = await runScript(engine, { version: '/v1.43', host: { Binds: [`${tree}:/x:ro`] }, script: flags });
  expect(short.output.replaceAll('\n', ', ')).toBe('/x ro, /x/sub rw');
});

test('what the host itself mounts read-only stays so in a container', async () => {
  const script = `${flags}; grep -o 'ro,nosuid,nodev' /proc/self/mountinfo | sort -u`;
  const seen = await runScript(engine, { host: { Binds: [`${locked}:/x`] }, script });
  expect(seen.output).toBe('/x ro\nro,nosuid,nodev');
});

test('a file as the source of a bind, read-only too', async () => {
  const Binds = [`${tree}/file:/x`, `${tree}/file:/y/z:ro`];
  const seen = await runScript(engine, { host: { Binds }, script: 'exec 2>&1; cat /x /y/z; echo > /y/z' });
  expect(seen.output).toBe("of the host\nof the host\nsh: can't create /y/z: Read-only file system");
});

test('propagation: what the host mounts later arrives where that was asked for', async () => {
  const later = join(tree, 'later');
  mkdirSync(later);
  const script = 'echo ready; while ! [ -e /x/later/mark ]; do usleep 20000; done; echo arrived';
  const [follower] = inTree({ BindOptions: { Propagation: 'rslave' } });
  if (follower === undefined) throw new Error('no mount');
  await createScript(engine, 'follower', {
    host: { Mounts: [follower, { ...follower, Target: '/y', BindOptions: {} }] },
    script: `${script}; ls /y/later`,
  });
  await engine.dockerOk('start', 'follower');
  await untilLogged(engine, 'follower', 'ready');
  mountTmpfs(later);
  writeFileSync(join(later, 'mark'), '');
  await until(
    'the follower to end',
    async () => (await engine.dockerOk('inspect', '-f', '{{.State.Running}}', 'follower')) === 'false',
  );
  expect(await engine.dockerOk('logs', 'follower')).toBe('ready\narrived');
  await engine.dockerOk('rm', 'follower');
  unmount(later, { lazy: true });
  // Mounts of a container can reach the host only through a mount that is shared where the engine is.
  const own = readMounts(engine.pid()).find(({ target }) => target === tree);
  const isShared = own?.propagation.some((field) => field.startsWith('shared:')) === true;
  const shared = await runScript(engine, { host: { Binds: [`${tree}:/x:rshared`] }, script: 'echo ran' });
  expect(shared.message || shared.output).toBe(
    isShared ? 'ran' : `path ${tree} is mounted on ${tree} but it is not a shared mount`,
  );
});

test('sources of binds: made for -v and when asked, told of otherwise', async () => {
  const place = join(engine.root, 'made');
  const bind = (fields: Partial<Mount>): Mount => ({ Type: 'bind', Target: '/x', ...fields });
  expect(await runScript(engine, { host: { Mounts: [bind({ Source: place })] } })).toMatchObject({
    status: 400,
    message: `invalid mount config for type "bind": bind source path does not exist: ${place}`,
  });
  const options = { BindOptions: { CreateMountpoint: true } };
  expect((await runScript(engine, { host: { Mounts: [bind({ Source: place, ...options })] } })).status).toBe(204);
  expect(readdirSync(place)).toEqual([]);
  const old = await runScript(engine, {
    version: '/v1.41',
    host: { Mounts: [bind({ Source: `${place}/old`, ...options })] },
  });
  expect(old.message).toContain('bind source path does not exist');
  expect((await runScript(engine, { host: { Binds: [`${place}/short:/x`] } })).status).toBe(204);
  expect(readdirSync(place)).toEqual(['short']);
  expect(await runScript(engine, { host: { Binds: ['/proc/none:/x'] } })).toMatchObject({
    status: 500,
    message: expect.stringContaining("error while creating mount source path '/proc/none': mkdir /proc/none"),
  });
});

test('tmpfs: size, mode and options, in both forms', async () => {
  const script = `grep ' /x ' /proc/self/mountinfo | cut -d' ' -f6-; stat -c %a /x`;
  const long: Mount = {
    Type: 'tmpfs',
    Target: '/x',
    TmpfsOptions: { SizeBytes: 1 << 20, Mode: 0o700, Options: [['exec']] },
  };
  const seen = await runScript(engine, { host: { Mounts: [long] }, script });
  expect(seen.output).toMatch(/^rw,nosuid,nodev,relatime.* - tmpfs tmpfs rw,size=1024k,mode=700\S*\n700$/);
  expect(seen.mounts).toEqual([{ Type: 'tmpfs', Source: '', Destination: '/x', Mode: '', RW: true, Propagation: '' }]);
  const short = await runScript(engine, { host: { Tmpfs: { '/x': 'size=1m,mode=711,uid=5' } }, script });
  expect(short.output).toMatch(/^rw,nosuid,nodev,noexec,relatime.*size=1024k,mode=711,uid=5\S*\n711$/);
  expect(await runScript(engine, { host: { Tmpfs: { '/x': 'foo' } } })).toMatchObject({
    status: 500,
    message: 'invalid tmpfs option "foo"',
  });
});

test('volumes of other containers: the last one named decides, and parts stay parts', async () => {
  await runScript(engine, { host: { Mounts: [volume('given')] }, script: 'mkdir /x/a; echo shared > /x/a/file' });
  await createScript(engine, 'giver', { host: { Mounts: [part('given', 'a')] } });
  await createScript(engine, 'reader', { host: { VolumesFrom: ['giver:ro'] } });
  const last = await runScript(engine, {
    host: { VolumesFrom: ['giver', 'reader'] },
    script: 'cat /x/file; touch /x/new',
  });
  expect(last.output).toBe('shared\ntouch: /x/new: Read-only file system');
  expect(last.mounts).toMatchObject([{ Type: 'volume', Name: 'given', RW: false, Mode: '' }]);
  await engine.dockerOk('rm', 'giver', 'reader');
  await engine.dockerOk('volume', 'rm', 'given');
});

test('the engine is killed: mounts of what runs stay, and go with it', async () => {
  const mounts: Mount[] = [
    { Type: 'image', Source: 'filled:1', Target: '/image' },
    volume('memory', {
      VolumeOptions: { NoCopy: true, DriverConfig: { Name: 'local', Options: { type: 'tmpfs', device: 'tmpfs' } } },
    }),
  ];
  const script =
    'echo kept > /x/file; echo up; while ! [ -e /x/stop ]; do usleep 20000; done; cat /x/file /image/data/file';
  await createScript(engine, 'survivor', { host: { Mounts: mounts }, script });
  await engine.dockerOk('start', 'survivor');
  await untilLogged(engine, 'survivor', 'up');
  await engine.kill();
  await engine.start();
  expect(await engine.dockerOk('exec', 'survivor', 'cat', '/x/file')).toBe('kept');
  expect((await engine.docker('volume', 'rm', 'memory')).stderr).toContain('volume is in use');
  // A second user of the volume sees what the first one has.
  expect(await engine.dockerOk('run', '--rm', '-v', 'memory:/x', 'busybox', 'touch', '/x/stop')).toBe('');
  await until(
    'the survivor to end',
    async () => (await engine.dockerOk('inspect', '-f', '{{.State.Running}}', 'survivor')) === 'false',
  );
  expect(await engine.dockerOk('logs', 'survivor')).toBe('up\nkept\nof the image');
  const held = readMounts(engine.pid()).map(({ target }) => target);
  await engine.dockerOk('rm', 'survivor');
  expect(held.filter((target) => target.includes('/memory/') || /-0\/merged$/.test(target))).toEqual([]);
  await engine.dockerOk('volume', 'rm', 'memory');
});
