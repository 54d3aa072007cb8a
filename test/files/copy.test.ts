import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { killHard, processesNaming, startEngine, type TestEngine, until } from '../harness/index.ts';
import { archive, getTar, putTar, refusal } from './calls.ts';
import { makeTar } from './tar.ts';

setDefaultTimeout(60_000);

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
  mkdirSync(join(engine.root, 'bound'));
  const mounts = ['-v', 'kept:/vol', '-v', `${engine.root}/bound:/bound:ro`, '--tmpfs', '/scratch'];
  await engine.dockerOk('run', '-d', '--name', 'box', ...mounts, 'busybox', 'sleep', '3600');
  await sh('mkdir /sample; touch /sample/a /sample/b');
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

function place(name: string): string {
  return join(engine.root, name);
}

function put(container: string, path: string, tar: ArrayBufferView | string, query = ''): Promise<Response> {
  return putTar(engine, archive(container, path, query), tar);
}

function get(container: string, path: string): ReturnType<typeof getTar> {
  return getTar(engine, archive(container, path));
}

async function statOf(path: string): Promise<Record<string, unknown>> {
  const response = await engine.request('HEAD', archive('box', path));
  expect(response.status).toBe(200);
  return JSON.parse(Buffer.from(response.headers.get('x-docker-container-path-stat') ?? '', 'base64').toString());
}

function sh(script: string): Promise<string> {
  return engine.dockerOk('exec', 'box', 'sh', '-c', script);
}

test('docker cp: one file in and out, with its mode and time, under a new name, through a pipe', async () => {
  writeFileSync(place('one'), 'a file\n', { mode: 0o640 });
  utimesSync(place('one'), 1_600_000_000, 1_600_000_000);
  await engine.dockerOk('cp', place('one'), 'box:/tmp/renamed');
  expect(await sh('stat -c "%a %u:%g %Y" /tmp/renamed; cat /tmp/renamed')).toBe('640 0:0 1600000000\na file');
  await engine.dockerOk('cp', 'box:/tmp/renamed', place('back'));
  expect(readFileSync(place('back'), 'utf8')).toBe('a file\n');
  expect(lstatSync(place('back')).mtimeMs).toBe(1_600_000_000_000);
  const tar = makeTar([{ path: 'piped', content: 'through\n' }]);
  expect((await engine.dockerWith({ input: tar }, 'cp', '-', 'box:/tmp')).code).toBe(0);
  expect(await sh('cat /tmp/piped')).toBe('through');
});

test('docker cp: a tree of all kinds of files comes back as it is', async () => {
  await sh(`mkdir -p /tree/dir && cd /tree && echo text > file && ln file hard && ln -s file link && ln -s /nowhere broken
    mkfifo fifo && mknod null c 1 3 && chown 12:34 file && chmod 4751 file && chmod 1777 dir && truncate -s 70000 holes`);
  const entries = await get('box', '/tree');
  const shown = entries.map(({ type, path, linkPath, mode, uid, gid, sizeBytes }) => [
    ...[type, path, linkPath, mode.toString(8), `${uid}:${gid}`, sizeBytes],
  ]);
  expect(shown).toEqual([
    ['directory', 'tree/', '', '755', '0:0', 0],
    ['symlink', 'tree/broken', '/nowhere', '777', '0:0', 0],
    ['directory', 'tree/dir/', '', '1777', '0:0', 0],
    ['fifo', 'tree/fifo', '', '644', '0:0', 0],
    ['file', 'tree/file', '', '4751', '12:34', 5],
    ['hardlink', 'tree/hard', 'tree/file', '4751', '12:34', 0],
    ['file', 'tree/holes', '', '644', '0:0', 70000],
    ['symlink', 'tree/link', 'file', '777', '0:0', 0],
    ['character', 'tree/null', '', '644', '0:0', 0],
  ]);
  const tar = await (await engine.request('GET', archive('box', '/tree'))).bytes();
  expect((await put('box', '/vol', tar)).status).toBe(200);
  const list = 'find . | sort | xargs stat -c "%n %F %a %u:%g %s %t:%T %Y"';
  expect(await sh(`cd /vol/tree && ${list} | grep -v "^./*dir*"`)).toBe(
    await sh(`cd /tree && ${list} | grep -v "^./*dir*"`),
  );
  expect(await sh('cd /vol/tree && [ file -ef hard ] && readlink link && readlink broken')).toBe('file\n/nowhere');
});

test('docker cp: a directory under its name, its contents alone, and where links lead', async () => {
  mkdirSync(place('sent/below'), { recursive: true });
  writeFileSync(place('sent/below/leaf'), 'leaf');
  symlinkSync('below/leaf', place('sent/link'));
  await sh('mkdir -p /to/there && ln -s /to/there /to/alias');
  await engine.dockerOk('cp', place('sent'), 'box:/to/there');
  await engine.dockerOk('cp', `${place('sent')}/.`, 'box:/to/alias');
  await engine.dockerOk('cp', '-L', `${place('sent')}/link`, 'box:/to/followed');
  expect(await sh('cd /to && find there followed -type f | sort')).toBe(
    'followed\nthere/below/leaf\nthere/sent/below/leaf',
  );
  await engine.dockerOk('cp', '-L', 'box:/to/alias', place('got'));
  expect(readdirSync(place('got')).sort()).toEqual(['below', 'link', 'sent']);
  expect((await get('box', '/to/there/.')).map(({ path }) => path).slice(0, 2)).toEqual(['./', './below/']);
  expect((await get('box', '/to/alias')).map(({ path, linkPath }) => `${path}>${linkPath}`)).toEqual([
    'alias>/to/there',
  ]);
});

test('what a path is: type, size, time and where a link leads', async () => {
  await sh(
    'mkdir -p /st && echo x > /st/f && chmod 2755 /st/f && touch -d "2020-02-03 04:05:06" /st/f && ln -s f /st/l && ln -s /lost /st/b',
  );
  const file = { size: 2, mtime: '2020-02-03T04:05:06Z', linkTarget: '' };
  expect(await statOf('/st/f')).toEqual({ name: 'f', mode: 0o755 + 2 ** 22, ...file });
  expect(await statOf('/st/l')).toMatchObject({ name: 'l', mode: 2 ** 27 + 0o777, size: 1, linkTarget: '/st/f' });
  expect(await statOf('/st/b')).toMatchObject({ linkTarget: '/lost' });
  expect(await statOf('/st/.')).toMatchObject({ name: '.', mode: 2 ** 31 + 0o755 });
  expect(await statOf('/vol')).toMatchObject({ name: 'vol' });
  const missing = await engine.request('HEAD', archive('box', '/st/none'));
  expect(missing.status).toBe(404);
  expect(missing.headers.get('content-length')).toBe('64');
});

test('refusals are in the words of Docker', async () => {
  const tar = makeTar([{ path: 'x', content: 'x' }]);
  await sh('mkdir -p /no/x /no/d && echo f > /no/f && ln -sf /no/loop /no/loop');
  const said = async (method: string, path: string) => refusal(await engine.request(method, archive('box', path)));
  expect(await said('GET', '/none')).toBe('404 Could not find the file /none in container box');
  expect(await said('GET', '/no/f/x')).toBe('500 lstat /no/f/x: not a directory');
  expect(await said('GET', '/no/loop/x')).toBe('500 lstat /no/loop/x: too many levels of symbolic links');
  expect(await refusal(await engine.request('GET', '/containers/box/archive'))).toBe(
    '400 bad parameter: pathcannot be empty',
  );
  expect(await refusal(await engine.request('GET', archive('nobody', '/')))).toBe('404 No such container: nobody');
  expect(await refusal(await put('box', '/none', tar))).toBe('404 Could not find the file /none in container box');
  expect(await refusal(await put('box', '/no/f', tar))).toBe('400 extraction point is not a directory');
  expect(await refusal(await put('box', '/bound', tar))).toBe('400 mounted volume is marked read-only');
  expect(await refusal(await put('box', '/no', tar, '&noOverwriteDirNonDir=true'))).toBe(
    '500 cannot overwrite directory "x" with non-directory "/no"',
  );
  const directory = makeTar([{ path: 'f/', type: 'directory' }]);
  expect(await refusal(await put('box', '/no', directory, '&noOverwriteDirNonDir=true'))).toBe(
    '500 cannot overwrite non-directory "f" with directory "/no"',
  );
  expect(await refusal(await put('box', '/no', makeTar([{ path: '../out', content: 'x' }])))).toBe(
    '400 invalid entry name "../out"',
  );
  expect((await put('box', '/no', 'this is no tar at all'.repeat(50))).status).toBe(400);
  expect((await put('box', '/no', makeTar([{ path: 'cut', content: 'x'.repeat(2000) }]).subarray(0, 900))).status).toBe(
    400,
  );
  expect((await put('box', '/no', tar)).status).toBe(200);
  expect(await sh('cat /no/x')).toBe('x');
  await engine.dockerOk('create', '--read-only', '-v', '/far/free', '--name', 'fixed', 'busybox', 'true');
  expect(await refusal(await put('fixed', '/', tar))).toBe('400 container rootfs is marked read-only');
  expect((await put('fixed', '/far/free', tar)).status).toBe(200);
  expect((await get('fixed', '/far/free')).map(({ path }) => path)).toEqual(['free/', 'free/x']);
});

test('what is mounted is seen: volumes, binds, tmpfs and generated files; and written where it may be', async () => {
  writeFileSync(place('bound/seen'), 'from the host');
  await sh('echo in the volume > /vol/v; echo in memory > /scratch/t; ln -sf ../vol/v /tmp/lv');
  expect((await get('box', '/bound/seen'))[0]?.content).toBe('from the host');
  expect((await get('box', '/vol/v'))[0]?.content).toBe('in the volume\n');
  expect((await get('box', '/scratch')).map(({ path }) => path)).toEqual(['scratch/', 'scratch/t']);
  expect((await get('box', '/etc/hosts'))[0]?.content).toContain('localhost');
  expect(await statOf('/tmp/lv')).toMatchObject({ linkTarget: '/vol/v' });
  expect((await put('box', '/scratch', makeTar([{ path: 'put', content: 'there' }]))).status).toBe(200);
  expect(await sh('cat /scratch/put')).toBe('there');
  expect(await refusal(await put('box', '/etc', makeTar([{ path: 'hosts', content: '' }])))).toBe(
    '500 RemoveAll hosts: device or resource busy',
  );
  const paths = (await get('box', '/')).map(({ path }) => path);
  expect(paths).toContain('/bound/seen');
  expect(paths).toContain('/vol/v');
  expect(paths.some((path) => /^\/proc\/./.test(path))).toBe(false);
});

test('containers that do not run, or stand still, have files too', async () => {
  await engine.dockerOk('create', '--name', 'still', '-v', '/deep/in/vol', '-u', '65534:99', 'busybox', 'true');
  const tar = makeTar([{ path: 'f', content: 'early', uid: 7, gid: 8 }]);
  expect((await put('still', '/tmp', tar)).status).toBe(200);
  expect((await put('still', '/deep/in/vol', tar)).status).toBe(200);
  expect((await get('still', '/tmp/f'))[0]).toMatchObject({ uid: 7, gid: 8, content: 'early' });
  expect((await put('still', '/tmp', tar, '&copyUIDGID=1')).status).toBe(200);
  expect((await get('still', '/tmp/f'))[0]).toMatchObject({ uid: 65534, gid: 99 });
  await engine.dockerOk('start', '-a', 'still');
  expect((await get('still', '/deep/in/vol/f'))[0]?.content).toBe('early');
  const id = await engine.dockerOk('inspect', '-f', '{{.Id}}', 'still');
  expect(readFileSync(`/proc/${engine.pid()}/mounts`, 'utf8')).not.toContain(id);
  await engine.dockerOk('pause', 'box');
  expect((await put('box', '/tmp', tar)).status).toBe(200);
  expect((await get('box', '/tmp/f'))[0]?.content).toBe('early');
  await engine.dockerOk('unpause', 'box');
});

test('archives that are compressed, long or have deep and odd names', async () => {
  const names = ['ünïcode', 'new\nline', 'q"uote\\', `${'long/'.repeat(60)}end`].map((name) =>
    Buffer.from(name).toString('latin1'),
  );
  const tar = makeTar(names.map((path) => ({ path, content: Buffer.from(path, 'latin1') })));
  await sh('mkdir /odd /big');
  expect((await put('box', '/odd', Bun.gzipSync(tar))).status).toBe(200);
  const files = (await get('box', '/odd')).filter(({ type }) => type === 'file');
  expect(files.map(({ path, content }) => [path.slice(4), content]).sort()).toEqual(
    names.map((name) => [name, name]).sort(),
  );
  const content = Buffer.alloc(5_000_000, 'long ');
  expect((await put('box', '/big', makeTar([{ path: 'long', content }]))).status).toBe(200);
  const [back] = await get('box', '/big/long');
  expect(back?.content === content.toString()).toBe(true);
  const changes = await engine.get<{ Path: string }[]>('/containers/box/changes');
  for (const name of ['ünïcode', 'new\nline', 'q"uote\\'])
    expect(changes.map(({ Path }) => Path)).toContain(`/odd/${name}`);
});

test('a tree deeper than a path may be long', async () => {
  const levels = 700;
  const path = `${'d'.repeat(7)}/`.repeat(levels).concat('leaf');
  await engine.dockerOk('create', '--name', 'deep', 'busybox', 'true');
  expect((await put('deep', '/tmp', makeTar([{ path, content: 'bottom' }]))).status).toBe(200);
  const leaf = (entries: Awaited<ReturnType<typeof get>>) => entries.find(({ type }) => type === 'file');
  expect(leaf(await get('deep', '/tmp'))).toMatchObject({ path: `tmp/${path}`, content: 'bottom' });
  const changes = await engine.get<{ Path: string; Kind: number }[]>('/containers/deep/changes');
  expect(changes.length).toBe(levels + 2);
  expect(changes.at(-1)).toEqual({ Path: `/tmp/${path}`, Kind: 1 });
  // What takes the tree's place removes it.
  expect((await put('deep', '/tmp', makeTar([{ path: 'ddddddd', content: 'flat' }]))).status).toBe(200);
  expect((await get('deep', '/tmp/ddddddd'))[0]?.content).toBe('flat');
  expect((await put('deep', '/tmp', makeTar([{ path: `e/${path}`, content: 'again' }]))).status).toBe(200);
  await engine.dockerOk('rm', 'deep');
});

test('links that a container swaps meanwhile lead nobody out of it', async () => {
  const canary = place('canary');
  mkdirSync(canary);
  writeFileSync(join(canary, 'secret'), 'of the host');
  const swap = `mkdir -p /race; cd /race; while :; do rm -rf d; mkdir d; echo own > d/secret; rm -rf d; ln -s ${canary} d; done`;
  await engine.dockerOk('run', '-d', '--name', 'racer', 'busybox', 'sh', '-c', swap);
  await until('the race to be on', async () => (await engine.request('HEAD', archive('racer', '/race/d'))).ok);
  const tar = makeTar([
    { path: 'd/planted', content: 'x' },
    { path: 'd/more/', type: 'directory' },
    { path: 'd/more/planted', content: 'x' },
  ]);
  const large = Buffer.concat([makeTar([{ path: 'fill', content: Buffer.alloc(1 << 20) }]).subarray(0, -1024), tar]);
  const read: string[] = [];
  for (let round = 0; round < 40; round++) {
    const [file, tree] = await Promise.all([
      engine.request('GET', archive('racer', '/race/d/secret')),
      engine.request('GET', archive('racer', '/race/d/.')),
      put('racer', '/race', round % 2 === 0 ? tar : large),
    ]);
    for (const response of [file, tree]) read.push(Buffer.from(await response.bytes().catch(() => '')).toString());
  }
  expect(read.some((text) => text.includes('of the host'))).toBe(false);
  expect(readdirSync(canary)).toEqual(['secret']);
  await engine.dockerOk('rm', '-f', 'racer');
});

function porters(): number[] {
  return processesNaming(engine.execRoot).flatMap(({ pid, command }) => (/ porter /.test(command) ? [pid] : []));
}

function readBytes(pid: number): number {
  return Number(/^rchar: (\d+)/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1]);
}

test('a client that does not read holds up only itself, and a porter that dies fails only its own requests', async () => {
  await sh('truncate -s 400M /huge');
  const socket = connect({ path: engine.socket });
  socket.write(`GET ${archive('box', '/huge')} HTTP/1.1\r\nHost: x\r\n\r\n`);
  await new Promise<void>((resolve) => {
    socket.once('data', () => {
      socket.pause();
      resolve();
    });
  });
  const working = porters();
  let last = '';
  let quiet = 0;
  const isQuiet = (): boolean => {
    const now = working.map(readBytes).join();
    quiet = now === last ? quiet + 1 : 0;
    last = now;
    return quiet > 30;
  };
  await until('the porters to wait', isQuiet, 30_000);
  // What a start reads and the sockets on the way hold, and no more.
  for (const pid of working) expect(readBytes(pid)).toBeLessThan(100_000_000);
  expect((await get('box', '/sample')).length).toBeGreaterThan(2);
  for (const pid of porters()) await killHard(pid);
  const rest: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => rest.push(chunk));
  const closed = new Promise<void>((resolve) => void socket.once('close', () => resolve()));
  socket.resume();
  await closed;
  expect(Buffer.concat(rest).subarray(-5).toString()).not.toBe('0\r\n\r\n');
  expect((await get('box', '/sample')).length).toBeGreaterThan(2);
  await sh('rm /huge');
});

test('a porter that hangs is passed by, and none outlives its engine', async () => {
  expect((await get('box', '/sample')).length).toBeGreaterThan(2);
  for (const pid of porters()) process.kill(pid, 'SIGSTOP');
  expect((await get('box', '/sample')).length).toBeGreaterThan(2);
  const left = porters();
  expect(left.length).toBeGreaterThan(0);
  await engine.kill();
  await until('the porters to end', () => porters().length === 0, 30_000);
  await engine.start();
  expect((await get('box', '/sample')).length).toBeGreaterThan(2);
});
