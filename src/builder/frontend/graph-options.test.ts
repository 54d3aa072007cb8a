import { expect, test } from 'bun:test';
import type { ExecOperation, FileOperation } from '../graph/operation.ts';
import { printGraph } from '../graph/print.ts';
import type { Edge, Vertex } from '../graph/vertex.ts';
import { verticesOf } from '../graph/walk.ts';
import type { FrontendResult } from '../types.ts';
import { createFixture } from './testing/fixture.ts';

const image = (more: object = {}): object => ({ architecture: 'amd64', os: 'linux', config: {}, ...more });
const images = { 'docker.io/library/busybox:latest': image() };

/** What a Dockerfile becomes with these options. */
async function build(
  dockerfile: string,
  options: Record<string, string> = {},
  given: {
    images?: Record<string, object>;
    locals?: Record<string, Record<string, string>>;
    inputs?: Map<string, Edge>;
  } = {},
): Promise<FrontendResult> {
  const locals = { dockerfile: { Dockerfile: dockerfile }, context: {}, ...given.locals };
  using fixture = createFixture(locals, { ...images, ...given.images });
  return await fixture.build(options, given.inputs);
}

const edgesOf = ({ outputs }: FrontendResult): Edge[] => outputs.flatMap(({ edge }) => edge ?? []);
const verticesIn = (result: FrontendResult): Vertex[] => verticesOf(edgesOf(result));
const graphOf = (result: FrontendResult): string[] => printGraph(edgesOf(result)).trim().split('\n');
const named = (result: FrontendResult, part: string): Vertex => {
  const found = verticesIn(result).find(({ name }) => name.includes(part));
  if (found === undefined) throw new TypeError(`no vertex is called ${part}`);
  return found;
};
const runIn = (result: FrontendResult): ExecOperation => named(result, 'RUN').operation as ExecOperation;
const copyIn = (result: FrontendResult): FileOperation => named(result, 'COPY').operation as FileOperation;
const configIn = ({ outputs: [output] }: FrontendResult): Record<string, unknown> =>
  JSON.parse(new TextDecoder().decode(output?.config)) as Record<string, unknown>;

test('of the context no more is asked for than what steps take', async () => {
  const context = (result: FrontendResult): unknown => {
    const { operation } = named(result, 'load build context');
    return operation.type === 'source' ? operation.attributes['local.followpaths'] : undefined;
  };
  expect(context(await build('FROM busybox\nCOPY b a* /x/\nADD sub/./c/ /y\n'))).toBe('["a*","b","sub/c"]');
  expect(context(await build('FROM busybox\nCOPY . /x/\nCOPY b /\n'))).toBeUndefined();
  expect(context(await build('FROM busybox\nRUN --mount=source=d,target=/d true\n'))).toBe('["d"]');
  expect(context(await build('FROM busybox\nCOPY --parents a/./b/*.txt /x/\n'))).toBe('["a/b/*.txt"]');
  const ignoring = { locals: { context: { '.dockerignore': '# no\n/node_modules\n!keep\n' } } };
  const { operation } = named(await build('FROM busybox\nCOPY . /\n', {}, ignoring), 'load build context');
  expect(operation).toMatchObject({ attributes: { 'local.excludepatterns': '["node_modules","!keep"]' } });
});

test('contexts with names take the place of images and stages', async () => {
  const dockerfile = 'FROM nowhere AS base\nRUN true\nFROM base\nCOPY --from=files x /\nCOPY --from=tools y /\n';
  const options = {
    'context:base': 'docker-image://busybox',
    'context:files': 'local:files',
    'context:tools': 'https://example.org/tools.git#main:dir',
  };
  const result = await build(dockerfile, options, { locals: { files: { '.dockerignore': 'secret\n' } } });
  expect(graphOf(result)).toEqual([
    '0: source docker-image://docker.io/library/busybox:latest linux/amd64 — [context base] busybox',
    '1: source local://files linux/amd64 — [context files] load from client',
    '2: file copy (0, 1) linux/amd64 — [stage-1 1/2] COPY --from=files x /',
    '3: source git://example.org/tools.git#main:dir linux/amd64 — [context tools] https://example.org/tools.git#main:dir',
    '4: file copy (2, 3) linux/amd64 — [stage-1 2/2] COPY --from=tools y /',
    'ends in 4',
  ]);
  expect(named(result, 'load from client').operation).toMatchObject({
    attributes: { 'local.excludepatterns': '["secret"]' },
  });
});

test('a file system that a client brings is a base with the configuration that comes along', async () => {
  const edge = { vertex: named(await build('FROM busybox\nRUN echo brought\n'), 'RUN'), output: 0 };
  const config = Buffer.from(JSON.stringify(image({ config: { Env: ['A=b'] } }))).toString('base64');
  const result = await build(
    'FROM brought\nRUN echo of $A\n',
    {
      'context:brought': 'input:brought',
      'input-metadata:brought': JSON.stringify({ 'containerimage.config': config }),
    },
    { inputs: new Map([['brought', edge]]) },
  );
  const run = named(result, 'RUN echo of b');
  expect(run.inputs).toEqual([edge]);
  expect(run.operation).toMatchObject({ environment: expect.arrayContaining(['A=b']) });
});

test('what a base has its children do comes first, and may need a stage that nothing else does', async () => {
  const trigger = {
    'docker.io/library/onbuild:latest': image({ config: { OnBuild: ['COPY --from=later /a /b', 'ENV X=1'] } }),
  };
  const result = await build(
    'FROM busybox AS later\nRUN touch /a\nFROM onbuild\nRUN echo $X\n',
    {},
    { images: trigger },
  );
  expect(graphOf(result).map((line) => line.replace(/^.* — /, ''))).toEqual([
    '[stage-1 1/2] FROM docker.io/library/onbuild:latest',
    '[later 1/2] FROM docker.io/library/busybox:latest',
    '[later 2/2] RUN touch /a',
    '[stage-1 2/3] ONBUILD COPY --from=later /a /b',
    '[stage-1 3/3] RUN echo 1',
    'ends in 4',
  ]);
});

test('steps that are to be done anew are those of the stages that are named', async () => {
  const dockerfile = 'FROM busybox AS one\nRUN 1\nFROM one AS two\nRUN 2\n';
  const anew = async (text?: string): Promise<string[]> => {
    const result = await build(dockerfile, text === undefined ? {} : { 'no-cache': text });
    return verticesIn(result).flatMap(({ isUncached, name }) => (isUncached ? [name] : []));
  };
  expect(await anew()).toEqual([]);
  expect(await anew('')).toEqual(['[one 2/2] RUN 1', '[two 1/1] RUN 2']);
  expect(await anew('TWO,other')).toEqual(['[two 1/1] RUN 2']);
});

test('a time that is given is that of all files and of the history', async () => {
  const result = await build('FROM busybox\nCOPY a /\nWORKDIR /w\nENV A=1\n', {
    'build-arg:SOURCE_DATE_EPOCH': '1700000000',
  });
  expect(copyIn(result).actions[0]?.action).toMatchObject({ timestampNs: '1700000000000000000' });
  expect(named(result, 'WORKDIR').operation).toMatchObject({
    actions: [{ action: { type: 'make-directory', path: '/w', timestampNs: '1700000000000000000' } }],
  });
  const { created, history } = configIn(result) as { created: string; history: { created: string }[] };
  expect([created, ...history.map((entry) => entry.created)]).toEqual(Array(4).fill('2023-11-14T22:13:20Z'));
});

test('images of several platforms are told apart in progress, and share what is of none', async () => {
  const arm = { architecture: 'arm64', os: 'linux', config: {}, variant: 'v8' };
  const dockerfile =
    'FROM --platform=$BUILDPLATFORM busybox AS tools\nARG TARGETARCH\nRUN cross $TARGETARCH\nFROM scratch\nCOPY --from=tools /x /\nCOPY a /\n';
  const result = await build(dockerfile, { platform: 'linux/amd64,linux/arm64' }, { images: { arm } });
  expect(result.isMultiPlatform).toBe(true);
  expect(result.outputs.map(({ platform }) => platform.architecture)).toEqual(['amd64', 'arm64']);
  expect(graphOf(result).map((line) => line.replace(/^\d+: /, ''))).toEqual([
    'source docker-image://docker.io/library/busybox:latest linux/amd64 — [linux/amd64 tools 1/2] FROM docker.io/library/busybox:latest',
    'exec ["/bin/sh","-c","cross $TARGETARCH"] (0) linux/amd64 — [linux/amd64 tools 2/2] RUN cross amd64',
    'file copy (1) linux/amd64 — [linux/amd64 stage-1 1/2] COPY --from=tools /x /',
    'source local://context linux/amd64 — [internal] load build context',
    'file copy (2, 3) linux/amd64 — [linux/amd64 stage-1 2/2] COPY a /',
    'exec ["/bin/sh","-c","cross $TARGETARCH"] (0) linux/amd64 — [linux/amd64->arm64 tools 2/2] RUN cross arm64',
    'file copy (5) linux/arm64 — [linux/arm64 stage-1 1/2] COPY --from=tools /x /',
    'file copy (6, 3) linux/arm64 — [linux/arm64 stage-1 2/2] COPY a /',
    'ends in 4, 7',
  ]);
});

test('a step is told its mounts, its secrets, its network and its limits', async () => {
  const lines = [
    'FROM busybox',
    'WORKDIR /w',
    'RUN --mount=type=cache,target=c,id=x,sharing=locked,mode=0700,uid=1 --mount=type=bind,source=s,target=/s,rw',
    ' --mount=type=tmpfs,target=/t,size=1m --mount=type=secret,id=tok,env=TOK --mount=type=secret,id=file,required',
    ' --mount=type=ssh,mode=0666 make',
  ];
  const result = await build(`${lines.slice(0, 2).join('\n')}\n${lines.slice(2).join('')}\n`, {
    'add-hosts': 'a=1.2.3.4,b=::1',
    'shm-size': '1048576',
    ulimit: 'nofile=100:200',
    'cgroup-parent': 'parent',
    'force-network-mode': 'none',
    hostname: 'host',
    'build-arg:http_proxy': 'http://proxy',
    'build-arg:BUILDKIT_CACHE_MOUNT_NS': 'space',
  });
  expect(runIn(result)).toMatchObject({
    words: ['/bin/sh', '-c', 'make'],
    directory: '/w',
    hostname: 'host',
    network: 'none',
    cgroupParent: 'parent',
    shmSizeBytes: 1048576,
    ulimits: [{ name: 'nofile', soft: 100, hard: 200 }],
    extraHosts: [
      { host: 'a', address: '1.2.3.4' },
      { host: 'b', address: '::1' },
    ],
    uncountedEnvironment: ['HTTP_PROXY=http://proxy', 'http_proxy=http://proxy'],
    secretEnvironment: [{ id: 'tok', name: 'TOK', isOptional: true }],
    mounts: [
      { type: 'bind', target: '/', input: 0, output: 0, isReadOnly: false },
      { type: 'cache', target: '/w/c', input: -1, cache: { id: '/space/x', sharing: 'locked', mode: 0o700, uid: 1 } },
      { type: 'bind', target: '/s', input: 1, selector: '/s', isReadOnly: false, output: -1 },
      { type: 'tmpfs', target: '/t', tmpfsSizeBytes: 1048576 },
      { type: 'secret', target: '/run/secrets/file', secret: { id: 'file', mode: 0o400, isOptional: false } },
      { type: 'ssh', target: '/run/buildkit/ssh_agent.0', ssh: { mode: 0o666, isOptional: true } },
    ],
  });
  expect(runIn(result).environment).toContain('SSH_AUTH_SOCK=/run/buildkit/ssh_agent.0');
  expect(runIn(await build('FROM busybox\nRUN x\n', { 'force-network-mode': 'mine' }))).toMatchObject({
    network: 'sandbox',
    networkName: 'mine',
  });
});

test('a copy is told what it takes, where to, and whose it will be', async () => {
  const result = await build('FROM busybox\nWORKDIR /w\nCOPY --chown=1:g --chmod=0750 --exclude=*.md a/ b ./\n');
  const common = { destination: '/w/', mode: 0o750, owner: { user: 1, group: 'g' }, excludes: ['*.md'] };
  expect(copyIn(result).actions).toMatchObject([
    {
      input: 0,
      secondaryInput: 1,
      output: -1,
      action: { source: '/a', ...common, copiesContents: true, unpacks: false },
    },
    { input: 2, secondaryInput: 1, output: 0, action: { source: '/b', ...common } },
  ]);
  const web = await build(
    `FROM busybox\nADD --checksum=sha256:${'a'.repeat(64)} https://example.org/d/f%20g.tar?x=1 /\n`,
  );
  const [source, added] = verticesIn(web).slice(-2);
  expect(source?.operation).toMatchObject({
    attributes: { 'http.filename': 'f g.tar', 'http.checksum': `sha256:${'a'.repeat(64)}` },
  });
  expect(added?.operation).toMatchObject({ actions: [{ action: { source: '/f g.tar', unpacks: false } }] });
});

test('what is wrong is said with its lines, and of an image with its name', async () => {
  const failing = async (dockerfile: string, options: Record<string, string> = {}): Promise<unknown> =>
    await build(dockerfile, options).then(
      () => undefined,
      (error: unknown) => error,
    );
  expect(await failing('FROM busybox\nCOPY --from=nowhere a /\n')).toMatchObject({
    message:
      'nowhere: failed to resolve source metadata for docker.io/library/nowhere:latest: docker.io/library/nowhere:latest: not found',
    lines: [{ first: 2, last: 2 }],
    source: { fileName: 'Dockerfile' },
  });
  expect(await failing('FROM busybox\nSTOPSIGNAL NONE\n')).toMatchObject({ lines: [{ first: 2, last: 2 }] });
  expect(await failing('FROM busybox\nRUN --device=vendor.example/x true\n')).toMatchObject({
    message: 'RUN --device is not supported: there is no device "vendor.example/x"',
  });
  expect(await failing('# syntax=example.org/other\nFROM busybox\n')).toMatchObject({ kind: 'not-implemented' });
  expect(await failing('FROM busybox\n', { cmdline: 'example.org/other' })).toMatchObject({ kind: 'not-implemented' });
  expect(await failing('FROM busybox\n', { filename: 'Nofile' })).toMatchObject({
    message: 'failed to read dockerfile: open Nofile: no such file or directory',
  });
  expect(
    await failing('FROM busybox\n', { platform: 'linux/amd64,linux/arm64', 'multi-platform': 'false' }),
  ).toMatchObject({
    kind: 'invalid-argument',
  });
});
