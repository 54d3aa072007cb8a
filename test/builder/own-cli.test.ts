/** What our own CLI has of builds that other clients have not, and what it says. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Ran, run, startEngine, type TestEngine } from '../harness/index.ts';

setDefaultTimeout(120_000);

let engine: TestEngine;
let scratch: string;
beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'estiba-own-builds-'));
  engine = await startEngine();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true, force: true });
});

test('--explain says which file and which argument changed', async () => {
  const context = mkdtempSync(join(scratch, 'explain-'));
  writeFileSync(join(context, 'Dockerfile'), 'FROM busybox\nARG A\nRUN echo $A > /a\nCOPY dir /dir\n');
  mkdirSync(join(context, 'dir'));
  writeFileSync(join(context, 'dir/one'), '1');
  writeFileSync(join(context, 'dir/two'), '2');
  const build = (...more: string[]): Promise<Ran> =>
    engine.estiba('build', '--explain', '--progress', 'plain', '-t', 'explained', ...more, context);
  const first = await build('--build-arg', 'A=1');
  expect(first.stderr).toMatch(/RUN echo \d > \/a\n#\d+ why: /);
  writeFileSync(join(context, 'dir/two'), 'other');
  const second = await build('--build-arg', 'A=1');
  expect(second.stderr).toMatch(/COPY dir \/dir\n#\d+ why: [^\n]*two/);
  expect(second.stderr).not.toMatch(/RUN echo \d > \/a\n#\d+ why: /);
  expect(second.stderr).toMatch(/COPY dir \/dir\n#\d+ why: file dir\/two changed\n/);
  const third = await build('--build-arg', 'A=2');
  expect(third.stderr).toMatch(/RUN echo \d > \/a\n#\d+ why: [^\n]*\bA\b/);
});

test('--network has steps reach containers of a network by name', async () => {
  const context = mkdtempSync(join(scratch, 'network-'));
  writeFileSync(join(context, 'Dockerfile'), 'FROM busybox\nRUN ping -c 1 -W 10 database > /answer\n');
  await engine.dockerOk('network', 'create', 'doors-backend');
  await engine.dockerOk('run', '-d', '--name', 'database', '--network', 'doors-backend', 'busybox', 'sleep', '9999');
  expect((await engine.estiba('build', context)).code).toBe(1);
  expect(await engine.estiba('build', '--network', 'doors-backend', '-t', 'networked', context)).toMatchObject({
    code: 0,
  });
  expect(await engine.dockerOk('run', '--rm', 'networked', 'cat', '/answer')).toContain('1 packets received');
  const unknown = await engine.estiba('build', '--no-cache', '--network', 'doors-nowhere', context);
  expect([unknown.code, unknown.stderr]).toEqual([1, expect.stringContaining('network doors-nowhere not found')]);
  await engine.dockerOk('rm', '-f', 'database');
  await engine.dockerOk('network', 'rm', 'doors-backend');
});

test('standard input is a Dockerfile or an archive, and what came of a build goes into files', async () => {
  const build = async (input: string | Uint8Array, ...more: string[]): Promise<string> => {
    const { code, stdout, stderr } = await engine.estibaWith({ input }, 'build', '-q', ...more);
    expect([code, stderr]).toEqual([0, '']);
    return stdout.trim();
  };
  const places = { image: join(scratch, 'iid'), metadata: join(scratch, 'metadata') };
  const flags = ['--iidfile', places.image, '--metadata-file', places.metadata, '-t', 'from-input'];
  const id = await build('FROM busybox\nLABEL by=input\n', ...flags, '-');
  expect(readFileSync(places.image, 'utf8')).toBe(id);
  expect(JSON.parse(readFileSync(places.metadata, 'utf8'))).toMatchObject({
    'containerimage.config.digest': id,
    'image.name': 'docker.io/library/from-input',
  });
  expect(await engine.dockerOk('image', 'inspect', '-f', '{{.Id}} {{.Config.Labels.by}}', 'from-input')).toBe(
    `${id} input`,
  );
  const context = mkdtempSync(join(scratch, 'archived-'));
  writeFileSync(join(context, 'Dockerfile'), 'FROM busybox\nCOPY f /f\n');
  writeFileSync(join(context, 'f'), 'of the archive');
  for (const way of ['-cf', '-czf']) {
    await run(['tar', '-C', context, way, join(scratch, 'context.tar'), '.']);
    await build(await Bun.file(join(scratch, 'context.tar')).bytes(), '-t', 'archived', '-');
    expect(await engine.dockerOk('run', '--rm', 'archived', 'cat', '/f')).toBe('of the archive');
  }
  // The Dockerfile alone, with the files of a directory.
  await build('FROM busybox\nCOPY f /g\n', '-t', 'apart', '-f', '-', context);
  expect(await engine.dockerOk('run', '--rm', 'apart', 'cat', '/g')).toBe('of the archive');
});

test('what is odd in a Dockerfile is said at the end of its build', async () => {
  const context = mkdtempSync(join(scratch, 'odd-'));
  writeFileSync(join(context, 'Dockerfile'), 'FROM busybox\nrun true\nRUN true\n');
  const built = await engine.estiba('build', context);
  expect(built.code).toBe(0);
  expect(built.stderr).toMatch(
    /\n 1 warning found:\n - ConsistentInstructionCasing: [^\n]* \(line 2\)\n {3}https:[^\n]*\n$/,
  );
  expect((await engine.estiba('build', '-q', context)).stderr).toBe('');
});

test('questions about a Dockerfile are answered without a build', async () => {
  const context = mkdtempSync(join(scratch, 'call-'));
  writeFileSync(join(context, 'Dockerfile'), 'from busybox as one\nRUN true\nFROM one AS two\n');
  const checked = await engine.estiba('build', '--check', context);
  expect(checked.stdout).toContain('ConsistentInstructionCasing');
  expect(checked.code).toBe(1);
  const targets = await engine.estiba('build', '--call', 'targets', context);
  expect(targets.stdout).toMatch(/one/);
  expect(targets.stdout).toMatch(/two/);
});

test('the cache is listed, and goes', async () => {
  const listed = await engine.estiba('builder', 'du');
  expect(listed.stdout).toMatch(/^CACHE ID +CACHE TYPE +SIZE +CREATED +LAST USED +USAGE +SHARED\n/);
  expect(listed.stdout).toMatch(/ (?:regular|source\.local) /);
  expect(listed.stdout).toMatch(/\nTotal:\t\d[\d.]*k?M?B\nReclaimable:\t\d/);
  const count = (await engine.estiba('builder', 'du', '--format', '{{.ID}}')).stdout.trim().split('\n').length;
  const pruned = await engine.estiba('builder', 'prune', '--all', '--force');
  expect(pruned.stdout).toMatch(/^Deleted build cache objects:\n(?:\w+\n)+\nTotal reclaimed space: [\d.]+k?M?B\n$/);
  expect(pruned.stdout.split('\n').length).toBeGreaterThanOrEqual(count);
  expect((await engine.estiba('builder', 'du', '--format', '{{.ID}}')).stdout).toBe('');
});
