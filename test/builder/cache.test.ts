/** The build cache of a real engine: what it finds again, what is fetched into it, what a killed engine leaves of it. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BuildCacheRecord } from '#api';
import {
  processesNaming,
  type Ran,
  run,
  startEngine,
  startOwnRegistry,
  type TestEngine,
  until,
} from '../harness/index.ts';

setDefaultTimeout(120_000);

let engine: TestEngine;
let scratch: string;
beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'estiba-cache-'));
  engine = await startEngine();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true, force: true });
});

function context(files: Readonly<Record<string, string>>): string {
  const directory = mkdtempSync(join(scratch, 'context-'));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(directory, name, '..'), { recursive: true });
    writeFileSync(join(directory, name), content);
  }
  return directory;
}

async function build(directory: string, ...more: readonly string[]): Promise<Ran> {
  const ran = await engine.estiba('build', '--progress', 'plain', ...more, directory);
  expect(`${ran.code} ${ran.code === 0 ? '' : ran.stderr}`).toBe('0 ');
  return ran;
}

async function fails(directory: string): Promise<string> {
  const ran = await engine.estiba('build', '--progress', 'plain', directory);
  expect(ran.code).not.toBe(0);
  return ran.stderr;
}

async function records(): Promise<BuildCacheRecord[]> {
  const { BuildCache } = await engine.get<{ BuildCache: BuildCacheRecord[] }>('/system/df?type=build-cache');
  return BuildCache;
}

/** Directories of layers on the disk. */
const layersOnDisk = (): string[] => readdirSync(join(engine.dataRoot, 'snapshots/layers'));

/** Whether a step was found and not done. */
function isCached(ran: Ran, step: string): boolean {
  const [, number] = new RegExp(`^#(\\d+) \\[[^\\]]*\\] ${step}$`, 'm').exec(ran.stderr) ?? [];
  expect(number).toBeDefined();
  return ran.stderr.includes(`\n#${number} CACHED`);
}

test('repositories of git and files of the web are fetched, known again, and refused by what is wrong with them', async () => {
  const repository = join(scratch, 'work');
  const git = async (...words: readonly string[]): Promise<string> => {
    const ran = await run(['git', '-c', 'user.name=n', '-c', 'user.email=e@x', '-C', repository, ...words]);
    expect(`${ran.code} ${ran.code === 0 ? '' : ran.stderr}`).toBe('0 ');
    return ran.stdout.trim();
  };
  mkdirSync(join(repository, 'sub'), { recursive: true });
  writeFileSync(join(repository, 'sub/file'), 'first');
  await git('init', '-q', '-b', 'main');
  await git('add', '-A');
  await git('commit', '-q', '-m', 'first');
  await git('tag', 'v1');
  await run(['git', 'clone', '-q', '--bare', repository, join(scratch, 'repo.git')]);
  await run(['git', '-C', join(scratch, 'repo.git'), 'update-server-info']);
  let asked = 0;
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request) {
      const { pathname } = new URL(request.url);
      if (pathname === '/plain/file.txt') {
        asked += 1;
        const headers = { ETag: '"one"', 'Last-Modified': 'Wed, 01 Jan 2020 00:00:00 GMT' };
        if (request.headers.get('if-none-match') === '"one"') return new Response(null, { status: 304, headers });
        return new Response('from the web', { headers });
      }
      const file = Bun.file(join(scratch, pathname));
      return (await file.exists()) ? new Response(file) : new Response('no', { status: 404 });
    },
  });
  const at = `http://127.0.0.1:${server.port}`;
  const dockerfile = [
    'FROM busybox',
    `ADD ${at}/repo.git#main:sub /git/`,
    `ADD --keep-git-dir=true ${at}/repo.git#v1 /kept`,
    `ADD ${at}/plain/file.txt /web/`,
    'RUN cat /git/file /web/file.txt && ls -ln /web && date -r /web/file.txt +%Y && test -d /kept/.git && test ! -e /git/.git',
  ];
  try {
    const directory = context({ Dockerfile: dockerfile.join('\n') });
    const first = await build(directory);
    expect(first.stderr).toContain('firstfrom the web');
    expect(first.stderr).toMatch(/-rw------- +1 0 +0 +12 .*file\.txt/);
    expect(first.stderr).toMatch(/ 2020\n/);
    const again = await build(directory);
    expect(isCached(again, 'RUN cat .*')).toBeTrue();
    expect(asked).toBe(2);
    const types = (await records()).map(({ Type, Description }) => `${Type} ${Description}`);
    expect(types).toContain(`source.git.checkout shared git repo for ${at}/repo.git`);
    const wrong = (line: string): Promise<string> => fails(context({ Dockerfile: `FROM busybox\n${line}` }));
    expect(await wrong(`ADD ${at}/repo.git#nosuch /x`)).toContain(
      'failed to load cache key: repository does not contain ref nosuch',
    );
    expect(await wrong(`ADD ${at}/repo.git#main:nosuch /x`)).toContain(
      'invalid subdir /nosuch: failed to lstat "nosuch"',
    );
    expect(await wrong(`ADD ${at}/nothing /x`)).toContain('failed to load cache key: invalid response status 404');
    const nothing = `sha256:${'0'.repeat(64)}`;
    expect(await wrong(`ADD --checksum=${nothing} ${at}/plain/file.txt /x`)).toContain(`: ${nothing}`);
  } finally {
    await server.stop(true);
  }
});

test('a base is fetched from a registry or a layout without becoming an image, and is kept for the next build', async () => {
  await using registry = await startOwnRegistry();
  const { host } = new URL(registry.url);
  const base = context({ Dockerfile: 'FROM busybox\nRUN echo only in the registry > /marker' });
  await build(base, '-t', `${host}/team/base:1`);
  await engine.dockerOk('push', '-q', `${host}/team/base:1`);
  const layout = mkdtempSync(join(scratch, 'layout-'));
  const archive = join(scratch, 'base.tar');
  await engine.dockerOk('save', '-o', archive, `${host}/team/base:1`);
  expect((await run(['tar', '-xf', archive, '-C', layout])).code).toBe(0);
  const forget = async (): Promise<void> => {
    await engine.dockerOk('image', 'prune', '-f');
    await engine.dockerOk('builder', 'prune', '-a', '-f');
  };
  await engine.dockerOk('rmi', '-f', `${host}/team/base:1`);
  await forget();
  const above = context({ Dockerfile: `FROM ${host}/team/base:1\nRUN cat /marker` });
  const first = await build(above);
  expect(first.stderr).toContain('only in the registry');
  expect(first.stderr).toMatch(/extracting sha256:/);
  expect(await engine.dockerOk('images', '--format', '{{.Repository}}')).not.toContain('team/base');
  const kept = (await records()).map(({ Description }) => Description);
  expect(kept.find((text) => text.startsWith(`pulled from ${host}/team/base:1@sha256:`))).toBeDefined();
  expect(isCached(await build(above), 'RUN cat /marker')).toBeTrue();
  await registry.stop();
  expect((await build(context({ Dockerfile: 'FROM busybox\nRUN true' }))).code).toBe(0);
  await forget();
  const named = context({ Dockerfile: 'FROM base\nRUN cat /marker' });
  expect((await build(named, '--build-context', `base=oci-layout://${layout}`)).stderr).toContain(
    'only in the registry',
  );
});

test('touching a file misses nothing, its mode does; two builds at once share what they have in common', async () => {
  const directory = context({
    Dockerfile: 'FROM busybox\nCOPY file /f\nRUN sleep 1; cat /proc/sys/kernel/random/uuid > /id',
    file: 'x',
  });
  const both = await Promise.all([build(directory, '-t', 'one'), build(directory, '-t', 'two')]);
  expect(both.map(({ code }) => code)).toEqual([0, 0]);
  const [one, two] = await Promise.all(
    ['one', 'two'].map((name) => engine.dockerOk('run', '--rm', name, 'cat', '/id')),
  );
  expect(one).toBe(two ?? '');
  await run(['touch', '-d', '2001-01-01', join(directory, 'file')]);
  expect(isCached(await build(directory), 'COPY file /f')).toBeTrue();
  await run(['chmod', '700', join(directory, 'file')]);
  expect(isCached(await build(directory), 'COPY file /f')).toBeFalse();
});

test('a prune takes what nobody needs, and what images have stays theirs', async () => {
  const directory = context({ Dockerfile: 'FROM busybox\nRUN head -c 100000 /dev/zero > /big && echo pruned' });
  await build(directory, '-t', 'kept');
  await build(context({ Dockerfile: 'FROM busybox\nRUN head -c 200000 /dev/zero > /other' }));
  const big = async (): Promise<boolean[]> =>
    (await records()).filter(({ Size }) => Size >= 100_000 && Size < 200_000).map(({ Shared }) => Shared);
  expect(await big()).toEqual([true]);
  await engine.dockerOk('rmi', '-f', 'kept');
  expect(await big()).toEqual([false]);
  // Its layers have outlived their image.
  expect(isCached(await build(directory, '-t', 'kept'), 'RUN head .*')).toBeTrue();
  await engine.dockerOk('builder', 'prune', '-a', '-f');
  expect(await records()).toEqual([]);
  expect(await engine.dockerOk('run', '--rm', 'kept', 'wc', '-c', '/big')).toBe('100000 /big');
});

test('a killed engine keeps what it has answered, and leaves nothing of what it had begun', async () => {
  const before = layersOnDisk().length;
  const directory = context({ Dockerfile: 'FROM scratch\nCOPY file /f', file: 'survives' });
  const seconds = `31${process.pid}`;
  const steps = context({ Dockerfile: `FROM busybox\nRUN echo done > /done\nRUN echo waiting; exec sleep ${seconds}` });
  await build(directory, '-t', 'survivor');
  const begun = engine.estiba('build', '--progress', 'plain', steps);
  const sleeping = (): boolean => processesNaming(`sleep ${seconds}`).length > 0;
  await until('the step runs', sleeping, 60_000);
  await engine.kill();
  expect((await begun).code).not.toBe(0);
  await engine.start();
  await until('the step is ended', () => !sleeping(), 30_000);
  expect(isCached(await build(directory), 'COPY file /f')).toBeTrue();
  await engine.dockerOk('rmi', '-f', 'survivor');
  await engine.dockerOk('builder', 'prune', '-a', '-f');
  expect(await records()).toEqual([]);
  // Of the builds only what images have is left.
  await until('the layers are gone', () => layersOnDisk().length <= before, 30_000);
});
