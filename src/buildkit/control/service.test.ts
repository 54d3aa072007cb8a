import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { control, gateway } from '#build-api';
import { SolveError } from '#builder';
import { DockerfileError } from '#dockerfile';
import type { GrpcError, Written } from '#grpc';
import { fail } from '#std/errors';
import { failureOf } from '../testing/failure.ts';
import { sourceEdge } from '../testing/fake-builder.ts';
import { dockerfile, type FakeSolve, openFakeEngine } from '../testing/fake-engine.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'estiba-buildkit-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const open = (solve?: FakeSolve) => openFakeEngine(join(directory, 'records.db'), solve);

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

function detailsOf({ details }: GrpcError) {
  return details.map(({ typeUrl, value }) => [
    typeUrl.replace('github.com/moby/buildkit/', ''),
    JSON.parse(text(value)),
  ]);
}

test('a build of a Dockerfile is exported, told of while it goes on and afterwards, and stays in the history', async () => {
  const gate = Promise.withResolvers<void>();
  using engine = open(() => gate.promise);
  const { calls, asked } = engine;
  const solving = calls.solve(dockerfile('one', { 'build-arg:SOURCE_DATE_EPOCH': '7' }));
  const status = calls.status({ ref: 'one' })[Symbol.asyncIterator]();
  const first = (await status.next()).value;
  expect(first?.vertexes[0]).toMatchObject({ name: 'busybox', started: { nanos: 6 } });
  gate.resolve();
  expect((await solving).exporterResponse.get('containerimage.digest')).toBe('sha256:0');
  const rest = await Array.fromAsync({ [Symbol.asyncIterator]: () => status });
  expect(text(rest.flatMap(({ logs }) => logs)[0]?.msg ?? new Uint8Array())).toBe('done\n');
  expect(asked.exports[0]?.exporters).toEqual([
    { type: 'moby', id: '0', attributes: { name: 'x', 'source-date-epoch': '7' } },
  ]);
  expect(asked.held).toBe(0);

  const late = await Array.fromAsync(calls.status({ ref: 'one' }));
  expect(late.flatMap(({ logs }) => logs.map(({ msg }) => text(msg)))).toEqual(['done\n']);
  const [event] = await Array.fromAsync(calls.history({ earlyExit: true }));
  expect(event).toMatchObject({ type: 1, record: { ref: 'one', frontend: 'dockerfile.v0', numTotalSteps: 1 } });
  const attestation = event?.record?.result?.attestations[0];
  expect(attestation?.annotations.get('in-toto.io/predicate-type')).toBe('https://slsa.dev/provenance/v0.2');
  const chunks = await Array.fromAsync(calls.readBlob({ digest: attestation?.digest ?? '' }));
  expect(text(Buffer.concat(chunks.map(({ data }) => data)))).toContain('"build-arg:SOURCE_DATE_EPOCH":"7"');
});

test('a client drives a build through the gateway, and another build takes its result as an input', async () => {
  using engine = open();
  const { calls, asked } = engine;
  const imports = new Map([['cache-imports', '[{"Type":"local","Attrs":{"src":"/c"}}]']]);
  const solving = calls.solve({ ref: 'driven', exporters: [{ type: 'moby' }], frontendAttrs: imports });
  const pong = await calls.ping('driven');
  expect(pong.frontendApiCaps.map(({ id }) => id)).toContain('return');
  expect(pong.llbCaps.map(({ id }) => id)).toContain('source.local');
  const { result } = await calls.bridgeSolve('driven', {
    frontend: 'dockerfile.v0',
    frontendOpt: new Map([...imports, ['target', 'first']]),
    cacheImports: [{ type: 'local', attrs: new Map([['src', '/c']]) }],
    allowResultReturn: true,
    allowResultArrayRef: true,
    evaluate: true,
  });
  expect(asked.solved.map(({ vertex }) => vertex.name)).toEqual(['first']);
  const second = calls.solve({
    ref: 'second',
    frontend: 'dockerfile.v0',
    frontendInputs: new Map([['base', result?.ref?.def ?? {}]]),
  });
  await second;
  expect(asked.frontends.at(-1)?.inputs.get('base')).toEqual(sourceEdge('first'));
  await calls.return('driven', {
    result: { ref: { id: result?.ref?.id ?? '' }, metadata: result?.metadata ?? new Map() },
  });
  expect((await solving).exporterResponse.size).toBe(1);
  expect(asked.exports[0]?.result.outputs[0]).toMatchObject({ edge: sourceEdge('first') });
  // However often it is named.
  expect(asked.imports).toEqual([{ type: 'local', attributes: { src: '/c' } }]);
  expect(asked.held).toBe(0);
});

test('what a client returns as an error is what the build fails with, details and all', async () => {
  using engine = open();
  const { calls } = engine;
  const solving = failureOf(calls.solve({ ref: 'r' }));
  await calls.ping('r');
  const details = [{ typeUrl: 't', value: Buffer.from('v') }];
  await calls.return('r', { error: { code: 12, message: 'not so', details } });
  expect(await solving).toMatchObject({ code: 12, message: 'not so', details });
  const [event] = await Array.fromAsync(calls.history({ ref: 'r', earlyExit: true }));
  const digest = event?.record?.externalError?.digest ?? '';
  const chunks = await Array.fromAsync(calls.readBlob({ digest }));
  expect(gateway.returnRequest.decode(gateway.returnRequest.encode({ error: { code: 1 } })).error?.code).toBe(1);
  expect(Buffer.concat(chunks.map(({ data }) => data)).includes('not so')).toBe(true);
});

test('a step that fails says which vertex and which lines it is of', async () => {
  const vertex = {
    ...sourceEdge('x').vertex,
    origin: { fileName: 'Dockerfile', text: 'FROM a\nRUN false\n', lines: { first: 2, last: 2 } },
  };
  const words = 'process "/bin/sh -c false" did not complete successfully: exit code: 1';
  using engine = open(() => {
    throw new SolveError(vertex, fail('invalid-argument', words));
  });
  const error = await failureOf(engine.calls.solve(dockerfile('a')));
  expect(error).toMatchObject({ code: 2, message: words });
  const source = { filename: 'Dockerfile', data: btoa('FROM a\nRUN false\n'), language: 'Dockerfile' };
  expect(detailsOf(error)).toEqual([
    ['errdefs.Vertex+json', { digest: vertex.digest }],
    ['errdefs.Source+json', { info: source, ranges: [{ start: { line: 2 }, end: { line: 2 } }] }],
  ]);
});

test('an error of a Dockerfile shows its lines', async () => {
  using engine = open(() => {
    const error = new DockerfileError('dockerfile parse error on line 1: unknown instruction: FRM', [
      { first: 1, last: 1 },
    ]);
    error.source = { fileName: 'Dockerfile', text: 'FRM a' };
    throw error;
  });
  const error = await failureOf(engine.calls.solve(dockerfile('a')));
  expect(error.code).toBe(2);
  expect(detailsOf(error)).toMatchObject([
    ['errdefs.Source+json', { ranges: [{ start: { line: 1 }, end: { line: 1 } }] }],
  ]);
});

test('of a file that no header could hold no lines are shown', async () => {
  using engine = open(() => {
    const error = new DockerfileError('too many', [{ first: 1, last: 1 }]);
    error.source = { fileName: 'Dockerfile', text: 'x'.repeat(4 << 20) };
    throw error;
  });
  const error = await failureOf(engine.calls.solve(dockerfile('a')));
  expect([error.message, error.details]).toEqual(['too many', []]);
});

test('a client that goes away ends its build', async () => {
  const begun = Promise.withResolvers<void>();
  using engine = open(async (_, { signal }) => {
    begun.resolve();
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    throw new Error('killed');
  });
  const client = new AbortController();
  const solving = failureOf(engine.calls.solve(dockerfile('a'), client.signal));
  await begun.promise;
  client.abort();
  expect(await solving).toMatchObject({ code: 1, message: 'context canceled' });
  const driven = failureOf(engine.calls.solve({ ref: 'driven' }));
  await engine.calls.ping('driven');
  engine.buildkit.cancel('driven');
  expect(await driven).toMatchObject({ code: 1, message: 'context canceled' });
});

test('what is not supported or not there is refused by name', async () => {
  using engine = open();
  const { calls } = engine;
  const wrong: readonly [request: Written<typeof control.solveRequest>, message: string][] = [
    [{ frontend: 'dockerfile.v0' }, 'build without a reference'],
    [{ ref: 'a', frontend: 'gateway.v0' }, 'no source specified for gateway'],
    [
      { ref: 'a', frontend: 'gateway.v0', frontendAttrs: new Map([['source', 'me/mine']]) },
      'frontend image "me/mine" is not supported',
    ],
    [{ ref: 'a', frontend: 'other' }, 'invalid frontend: other'],
    [{ ...dockerfile('a'), exporters: [{ type: 'zip' }] }, 'exporter "zip" could not be found'],
    [{ ...dockerfile('a'), cache: { exports: [{ type: 'gha' }] } }, 'unknown cache exporter: "gha"'],
    [{ ...dockerfile('a'), cache: { imports: [{ type: 's3' }] } }, 'unknown cache importer: "s3"'],
    [
      { ...dockerfile('a'), entitlements: ['security.insecure'] },
      'granting entitlement security.insecure is not allowed by build daemon configuration',
    ],
    [{ ...dockerfile('a'), sourcePolicy: { rules: [{}] } }, 'source policies are not supported'],
    [{ ...dockerfile('a'), session: 'gone' }, 'no active session'],
  ];
  for (const [request, message] of wrong) expect((await failureOf(calls.solve(request))).message).toContain(message);
  expect((await failureOf(calls.bridgeSolve('', {}))).message).toBe('no buildid found in context');
  await expect(calls.updateHistory({ ref: 'nobody', delete: true })).rejects.toThrow('no record found for ref nobody');
});

test('a build over the classic API answers its status and the image', async () => {
  using engine = open();
  const query = (values: Record<string, readonly string[]>) => (name: string) => values[name] ?? [];
  const asked = query({
    t: ['a', 'b:c'],
    dockerfile: ['D'],
    buildargs: ['{"A":"1","B":null}'],
    nocache: ['1'],
    networkmode: ['host'],
    ulimits: ['[{"Name":"nofile","Soft":1,"Hard":2}]'],
    remote: ['client-session'],
  });
  const lines = await Array.fromAsync(engine.buildkit.classicBuild(asked, new AbortController().signal));
  expect(lines.at(-1)).toEqual({ id: 'moby.image.id', aux: { ID: 'sha256:0' } });
  const traces = lines.flatMap((line) => ('id' in line && line.id === 'moby.buildkit.trace' ? [line.aux] : []));
  const told = traces.map((trace) => control.statusResponse.decode(Buffer.from(trace, 'base64')));
  expect(told.flatMap(({ vertexes }) => vertexes)[0]?.name).toBe('busybox');
  expect(engine.asked.exports[0]?.exporters).toEqual([{ type: 'moby', attributes: { name: 'a,b:c' }, id: '0' }]);
  expect(engine.asked.frontends[0]?.options).toEqual({
    filename: 'D',
    'build-arg:A': '1',
    'no-cache': '',
    'force-network-mode': 'host',
    'image-resolve-mode': 'default',
    ulimit: 'nofile=1:2',
  });
  const gone = await Array.fromAsync(
    engine.buildkit.classicBuild(query({ session: ['x'] }), new AbortController().signal),
  );
  expect(gone).toEqual([{ error: 'no active session', errorDetail: { message: 'no active session' } }]);
  expect(() => engine.buildkit.classicBuild(query({ networkmode: ['foo'] }), new AbortController().signal)).toThrow(
    'network mode "foo" not supported by buildkit',
  );
});

test('what a build that is in no history has told is known for a while', async () => {
  using engine = open();
  await engine.calls.solve({ ...dockerfile('internal'), internal: true });
  const told = await Array.fromAsync(engine.calls.status({ ref: 'internal' }));
  expect(told.flatMap(({ logs }) => logs.map(({ msg }) => text(msg)))).toEqual(['done\n']);
  expect(await Array.fromAsync(engine.calls.history({ earlyExit: true }))).toEqual([]);
});

test('of two builds of one reference the second is refused', async () => {
  const gate = Promise.withResolvers<void>();
  using engine = open(() => gate.promise);
  const first = engine.calls.solve(dockerfile('same'));
  expect((await failureOf(engine.calls.solve(dockerfile('same')))).message).toBe('job ID same exists');
  gate.resolve();
  await first;
});
