/** What builds end in, asked for by the stock buildx: archives, layouts, files, registries, and caches of other places. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type OwnRegistry, run, startEngine, startOwnRegistry, type TestEngine } from '../harness/index.ts';

setDefaultTimeout(120_000);

let engine: TestEngine;
let registry: OwnRegistry;
let host: string;
let scratch: string;
const place = (name: string): string => join(scratch, name);
beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'estiba-exports-'));
  [engine, registry] = await Promise.all([startEngine(), startOwnRegistry()]);
  ({ host } = new URL(registry.url));
  mkdirSync(place('context'));
  writeFileSync(place('context/file'), 'content\n');
  writeFileSync(
    place('context/Dockerfile'),
    'FROM busybox\nCOPY file /\nRUN echo made > /made\nCMD ["cat", "/made"]\n',
  );
  writeFileSync(place('context/each'), 'FROM scratch\nARG TARGETARCH\nCOPY file /file-$TARGETARCH\n');
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true, force: true });
});

async function build(...flags: readonly string[]): Promise<string> {
  const { code, stderr } = await engine.buildx('build', '--progress', 'plain', ...flags, place('context'));
  if (code !== 0) throw new Error(stderr);
  return stderr;
}

const platforms = (): string[] => ['--platform', 'linux/amd64,linux/arm64', '-f', place('context/each')];
const readJson = (path: string) => JSON.parse(readFileSync(path, 'utf8'));

test('archives and layouts are what docker load and other tools take', async () => {
  const metadata = place('metadata.json');
  await build('--metadata-file', metadata, '-t', 'archived:1', '-o', `type=docker,dest=${place('docker.tar')}`);
  expect(await engine.dockerOk('load', '-i', place('docker.tar'))).toBe('Loaded image: archived:1');
  expect(await engine.dockerOk('run', '--rm', 'archived:1')).toBe('made');
  const { 'containerimage.config.digest': config, 'image.name': name } = readJson(metadata);
  expect(await engine.dockerOk('images', '--no-trunc', '-q', 'archived:1')).toBe(config);
  expect(name).toBe('docker.io/library/archived:1');

  await build('-t', 'layout:1', '-o', `type=oci,tar=false,dest=${place('layout')}`, ...platforms());
  const [{ digest }] = readJson(place('layout/index.json')).manifests;
  const index = readJson(place(`layout/blobs/sha256/${digest.slice(7)}`));
  const architectures = index.manifests.map(
    (entry: { platform: { architecture: string } }) => entry.platform.architecture,
  );
  expect(architectures).toEqual(['amd64', 'arm64']);
  const listed = await run(['skopeo', 'inspect', '--override-arch', 'arm64', `oci:${place('layout')}`]);
  expect(JSON.parse(listed.stdout).Architecture).toBe('arm64');
});

test('files of several platforms, in directories and in a tar, and several outputs at once', async () => {
  await build('-o', `type=local,dest=${place('local')}`, '-o', `type=tar,dest=${place('files.tar')}`, ...platforms());
  expect(readdirSync(place('local'), { recursive: true }).map(String).sort()).toEqual([
    'linux_amd64',
    'linux_amd64/file-amd64',
    'linux_arm64',
    'linux_arm64/file-arm64',
  ]);
  const { stdout } = await run(['tar', '-tf', place('files.tar')]);
  expect(stdout.split('\n').filter(Boolean)).toEqual([
    ...['linux_amd64/', 'linux_amd64/file-amd64', 'linux_arm64/', 'linux_arm64/file-arm64'],
  ]);
});

test('a push of several platforms, and SOURCE_DATE_EPOCH for images that are the same bit for bit', async () => {
  expect(
    await engine.estiba('build', '--push', '-t', `${host}/each:1`, ...platforms(), place('context')),
  ).toMatchObject({ code: 0 });
  const raw = await run(['skopeo', 'inspect', '--raw', '--tls-verify=false', `docker://${host}/each:1`]);
  expect(JSON.parse(raw.stdout).manifests).toHaveLength(2);
  const epoch = ['--build-arg', 'SOURCE_DATE_EPOCH=1700000000', '-f', place('context/each')];
  const output = (name: string) => `type=oci,rewrite-timestamp=true,dest=${place(name)}`;
  await build(...epoch, '-o', output('one.tar'));
  writeFileSync(place('context/file'), 'content\n');
  await build(...epoch, '--no-cache', '-o', output('two.tar'));
  const blobs = await Promise.all(['one', 'two'].map((name) => run(['tar', '-tf', place(`${name}.tar`)])));
  expect(blobs[0]?.stdout).toContain('blobs/sha256/');
  expect(blobs[0]?.stdout).toBe(blobs[1]?.stdout ?? '');
});

test('a cache in a registry or a directory is found by an engine that has forgotten all', async () => {
  const to = [`type=registry,ref=${host}/cache,mode=max`, `type=local,dest=${place('cache')},mode=max`];
  await build('-t', 'cached', '--cache-to', to[0] ?? '', '--cache-to', to[1] ?? '');
  const id = await engine.dockerOk('images', '-q', 'cached');
  await engine.dockerOk('rmi', 'archived:1');
  for (const from of [`type=registry,ref=${host}/cache`, `type=local,src=${place('cache')}`]) {
    await engine.dockerOk('rmi', 'cached');
    await engine.dockerOk('builder', 'prune', '-af');
    const lines = await build('-t', 'cached', '--cache-from', from);
    expect(lines).toMatch(/RUN echo made > \/made\n#\d+ CACHED/);
    expect(await engine.dockerOk('images', '-q', 'cached')).toBe(id);
    expect(await engine.dockerOk('run', '--rm', 'cached')).toBe('made');
  }
  const lines = await build('--cache-from', 'cached', '--cache-from', `${host}/nosuch`);
  expect(lines).toMatch(/(#\d+) importing cache manifest from cached\n\1 DONE/);
  expect(lines).toContain(`ERROR: failed to configure registry cache importer: ${host}/nosuch:latest: not found\n`);
  expect(await engine.settledLeftovers()).toEqual([]);
});
