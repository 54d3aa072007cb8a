/** BuildKit's protocol as its clients speak it: the stock docker CLI, and a client of our own for what that one never does. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { control, gateway, llb } from '#build-api';
import type { Client, GrpcClientConnection, Written } from '#grpc';
import { digestOf } from '#oci';
import { failureOf } from '../../src/buildkit/testing/failure.ts';
import { processesNaming, startEngine, type TestEngine, until } from '../harness/index.ts';
import { connectBuildkit, upgrade } from './grpc-client.ts';

setDefaultTimeout(60_000);

let engine: TestEngine;
let scratch: string;
let connection: GrpcClientConnection;
let builds: Client<typeof control.controlService>;
let bridge: Client<typeof gateway.llbBridgeService>;
beforeAll(async () => {
  engine = await startEngine();
  scratch = mkdtempSync(join(tmpdir(), 'estiba-buildkit-'));
  await open();
});
afterAll(async () => {
  connection.close();
  rmSync(scratch, { recursive: true, force: true });
  await engine[Symbol.asyncDispose]();
});

async function open(): Promise<void> {
  connection = await connectBuildkit(engine.socket);
  builds = connection.client(control.controlService);
  bridge = connection.client(gateway.llbBridgeService);
}

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const source = llb.op.encode({ source: { identifier: 'docker-image://docker.io/library/busybox:latest' } });

/** A step on busybox, and the definition that ends in it. */
function step(command: string): Written<typeof llb.definition> {
  const exec = llb.op.encode({
    inputs: [{ digest: digestOf(source) }],
    exec: { meta: { args: ['sh', '-c', command], cwd: '/' }, mounts: [{ dest: '/' }] },
  });
  return { def: [source, exec, llb.op.encode({ inputs: [{ digest: digestOf(exec) }] })] };
}

/** A build that a client drives: begun, with the metadata that its calls carry. */
function drive(ref: string, request: Written<typeof control.solveRequest> = {}) {
  const solving = builds.Solve({ ...request, ref });
  solving.catch(() => undefined);
  const options = { metadata: { 'buildkit-controlapi-buildid': ref } };
  const solve = async (definition: Written<typeof llb.definition>): Promise<string> => {
    const answer = await bridge.Solve({ definition, allowResultReturn: true, allowResultArrayRef: true }, options);
    return answer.result?.ref?.id ?? '';
  };
  return { solving, options, solve };
}

async function outputOf(ref: string): Promise<string> {
  const messages = await Array.fromAsync(builds.Status({ ref }));
  return messages.flatMap(({ logs }) => logs.map(({ msg }) => text(msg))).join('');
}

function context(files: Readonly<Record<string, string>>): string {
  const directory = mkdtempSync(join(scratch, 'context-'));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content);
  return directory;
}

test('bake builds targets that are contexts of others, caches go to a directory and come back, and the rest can go', async () => {
  const app = context({ Dockerfile: 'FROM base\nARG WORD\nRUN echo $WORD >> /file\nCMD cat /file\n' });
  const base = context({ Dockerfile: 'FROM busybox\nCOPY word /file\n', word: 'base\n' });
  const using = { context: app, contexts: { base: 'target:base' } };
  const file = join(scratch, 'bake.json');
  const target = {
    base: { context: base },
    one: { ...using, args: { WORD: 'one' }, tags: ['baked-one'] },
    two: { ...using, args: { WORD: 'two' }, tags: ['baked-two'] },
  };
  writeFileSync(file, JSON.stringify({ group: { default: { targets: ['one', 'two'] } }, target }));
  expect(await engine.buildx('bake', '--progress=plain', '-f', file)).toMatchObject({ code: 0 });
  expect(await engine.dockerOk('run', '--rm', 'baked-one')).toBe('base\none');
  expect(await engine.dockerOk('run', '--rm', 'baked-two')).toBe('base\ntwo');

  const cache = join(scratch, 'cache');
  const build = ['build', '--progress=plain', base];
  expect(await engine.buildx(...build, '--cache-to', `type=local,dest=${cache}`)).toMatchObject({ code: 0 });
  expect((await engine.buildx('du')).stdout).toContain('Total:');
  expect((await engine.buildx('prune', '-af')).stdout).toContain('Total:');
  const again = await engine.buildx(...build, '--cache-from', `type=local,src=${cache}`);
  expect(again.stderr.match(/importing cache manifest/g)?.length).toBeGreaterThan(0);
  expect(again.stderr).toMatch(/CACHED/);
});

test('a context comes by a pipe, as an archive', async () => {
  const directory = context({ Dockerfile: 'FROM busybox\nCOPY piped /piped\n', piped: 'by a pipe\n' });
  const input = Bun.spawnSync(['tar', '-cz', '-C', directory, '.']).stdout;
  expect(await engine.buildxWith({ input }, 'build', '-t', 'piped', '-')).toMatchObject({ code: 0 });
  expect(await engine.dockerOk('run', '--rm', 'piped', 'cat', '/piped')).toBe('by a pipe');
});

test('a build over the classic API carries its status, and ends in the image or the error', async () => {
  let dockerfile = 'FROM busybox\nRUN echo $WORD; test -n "$WORD"\n'.replace('RUN', 'ARG WORD\nRUN');
  using web = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response(dockerfile) });
  const build = async (parameters: Record<string, string>) => {
    const query = new URLSearchParams({ version: '2', remote: web.url.href, t: 'classic', ...parameters });
    const response = await engine.request('POST', `/build?${query}`);
    const lines = (await response.text()).trim().split('\n');
    return lines.map((line) => JSON.parse(line) as { id?: string; aux?: unknown; error?: string });
  };
  const lines = await build({ buildargs: '{"WORD":"told"}' });
  const traces = lines.filter(({ id }) => id === 'moby.buildkit.trace');
  const told = traces.map(({ aux }) => control.statusResponse.decode(Buffer.from(String(aux), 'base64')));
  expect(told.flatMap(({ logs }) => logs.map(({ msg }) => text(msg))).join('')).toBe('told\n');
  const image = await engine.dockerOk('image', 'inspect', '-f', '{{.Id}}', 'classic');
  expect(lines.at(-1)).toEqual({ id: 'moby.image.id', aux: { ID: image } });
  dockerfile += '# other\n';
  expect((await build({})).at(-1)?.error).toContain('did not complete successfully: exit code: 1');
});

test('a client drives a build, looks into its results, and reads its history when the engine has been killed', async () => {
  const { solving, options, solve } = drive('driven');
  const pong = await bridge.Ping({}, options);
  expect(pong.workers[0]?.platforms[0]).toMatchObject({ os: 'linux' });
  const ref = await solve(step('mkdir /d && echo one > /d/a && ln -s a /d/b && echo told'));
  expect(text((await bridge.ReadFile({ ref, filePath: '/d/b' }, options)).data)).toBe('one\n');
  const { entries } = await bridge.ReadDir({ ref, dirPath: '/d' }, options);
  expect(entries.map(({ path, linkname }) => [path, linkname])).toEqual([
    ['a', ''],
    ['b', 'a'],
  ]);
  expect((await bridge.StatFile({ ref, path: '/d/a' }, options)).stat).toMatchObject({ path: 'a', size: 4 });
  expect((await failureOf(bridge.ReadFile({ ref, filePath: '/none' }, options))).message).toBe(
    'open /none: no such file or directory',
  );
  const image = await bridge.ResolveImageConfig({ ref: 'docker.io/library/busybox:latest' }, options);
  expect(JSON.parse(text(image.config))).toMatchObject({ os: 'linux' });
  await bridge.Return({ result: { ref: { id: ref } } }, options);
  await solving;
  expect(await outputOf('driven')).toBe('told\n');

  await engine.kill();
  await engine.start();
  await open();
  expect(await outputOf('driven')).toBe('told\n');
  const events = await Array.fromAsync(builds.ListenBuildHistory({ ref: 'driven', earlyExit: true }));
  expect(events).toMatchObject([{ type: 1, record: { ref: 'driven', error: undefined } }]);
});

test('a client runs processes in a container over a result, and what they write is gone with it', async () => {
  const { solving, options, solve } = drive('container');
  const ref = await solve(step('echo kept > /kept'));
  const mounts = [{ dest: '/', resultId: ref }];
  await bridge.NewContainer({ containerId: 'c', mounts }, options);
  const stream = bridge.ExecProcess(options);
  const meta = { args: ['sh', '-c', 'cat /kept; cat; echo more > /kept; cat /kept >&2; exit 7'], cwd: '/' };
  await stream.send({ processId: 'p', init: { containerId: 'c', meta, fds: [0, 1, 2] } });
  await stream.send({ processId: 'p', file: { fd: 0, data: Buffer.from('typed\n') } });
  await stream.send({ processId: 'p', file: { fd: 0, eof: true } });
  const outputs = ['', '', ''];
  let code: number | undefined;
  for await (const { file, exit, done } of stream.messages) {
    if (file !== undefined) outputs[file.fd] += text(file.data);
    if (exit !== undefined) ({ code } = exit);
    if (done !== undefined) break;
  }
  stream.end();
  expect([outputs[1], outputs[2], code]).toEqual(['kept\ntyped\n', 'more\n', 7]);
  await bridge.ReleaseContainer({ containerId: 'c' }, options);
  expect(text((await bridge.ReadFile({ ref, filePath: '/kept' }, options)).data)).toBe('kept\n');
  await bridge.Return({ result: {} }, options);
  await solving;
});

test('of a step that fails a client opens what it began with, at a terminal', async () => {
  const { solving, options } = drive('debugged');
  const definition = step('exit 9');
  const failed = await failureOf(bridge.Solve({ definition, evaluate: true, allowResultArrayRef: true }, options));
  const detail = failed.details.find(({ typeUrl }) => typeUrl.endsWith('errdefs.Solve+json'));
  const { mountIDs, op } = JSON.parse(text(detail?.value ?? new Uint8Array()));
  expect(op.exec.meta.args).toEqual(['sh', '-c', 'exit 9']);
  const mounts = [{ dest: op.exec.mounts[0].dest, resultId: mountIDs[0] }];
  await bridge.NewContainer({ containerId: 'd', mounts }, options);
  const stream = bridge.ExecProcess(options);
  const meta = { args: ['sh', '-c', 'test -t 0 && read line && echo "a terminal said $line"'], cwd: '/' };
  await stream.send({ processId: 'p', init: { containerId: 'd', meta, tty: true, fds: [0, 1] } });
  await stream.send({ processId: 'p', resize: { rows: 10, cols: 20 } });
  await stream.send({ processId: 'p', file: { fd: 0, data: Buffer.from('word\n') } });
  let output = '';
  for await (const { file, exit, done } of stream.messages) {
    output += text(file?.data ?? new Uint8Array());
    if (exit !== undefined) {
      expect(exit.code).toBe(0);
      // What comes late for a process that has ended is no fault.
      await stream.send({ processId: 'p', resize: { rows: 11, cols: 21 } });
      stream.end();
    }
    if (done !== undefined) break;
  }
  expect(output).toContain('a terminal said word');
  const { code, message, details } = failed;
  await bridge.Return({ error: { code, message, details } }, options);
  expect((await failureOf(solving)).message).toBe('process "sh -c exit 9" did not complete successfully: exit code: 9');
});

test('of a client that vanishes nothing goes on', async () => {
  const leaving = await connectBuildkit(engine.socket);
  const sleep = `sleep 43${process.pid}`;
  const solving = leaving.client(control.controlService).Solve({ ref: 'leaving', definition: step(sleep) });
  solving.catch(() => undefined);
  await until('the step to run', () => processesNaming(sleep).length > 0);
  leaving.close();
  await until('the step to be gone', () => processesNaming(sleep).length === 0);
  await until('the build to have ended', async () => {
    const [event] = await Array.fromAsync(builds.ListenBuildHistory({ ref: 'leaving', earlyExit: true }));
    return event?.record?.error?.message === 'context canceled';
  });
});

test('rubbish, half a session and what is not supported cost a connection or a call, and nothing else', async () => {
  const rubbish = await upgrade(engine.socket, '/grpc');
  const ended = new Promise((resolve) => rubbish.once('close', resolve));
  rubbish.on('error', () => undefined).resume();
  rubbish.write(Buffer.alloc(4096, 'rubbish '));
  await ended;

  const headers = ['X-Docker-Expose-Session-Uuid: half', 'X-Docker-Expose-Session-Name: half'];
  const half = await upgrade(engine.socket, '/session', headers);
  half.on('error', () => undefined).resume();
  const dockerfile = { frontend: 'dockerfile.v0', session: 'half' };
  const waiting = failureOf(builds.Solve({ ...dockerfile, ref: 'half' }));
  for await (const { vertexes } of builds.Status({ ref: 'half' })) if (vertexes.length > 0) break;
  half.destroy();
  expect((await waiting).code).not.toBe(0);

  const wrong: readonly [request: Written<typeof control.solveRequest>, message: string][] = [
    [{ definition: { def: [Buffer.from('rubbish'), Buffer.from('x')] } }, 'malformed message'],
    [{ definition: { def: [source] } }, 'failed to load LLB: no single end of its operations'],
    [{ frontend: 'gateway.v0', frontendAttrs: new Map([['source', 'me/mine']]) }, 'frontend image "me/mine" is not'],
    [{ definition: step('true'), exporters: [{ type: 'zip' }] }, 'exporter "zip" could not be found'],
  ];
  for (const [index, [request, message]] of wrong.entries()) {
    expect((await failureOf(builds.Solve({ ...request, ref: `wrong${index}` }))).message).toContain(message);
  }
  const failed = await failureOf(builds.Solve({ ref: 'failed', definition: step('exit 5') }));
  expect(failed.message).toBe('process "sh -c exit 5" did not complete successfully: exit code: 5');
  expect(failed.details.map(({ typeUrl }) => typeUrl)).toEqual(['github.com/moby/buildkit/errdefs.Vertex+json']);
});
