/** One Dockerfile through all doors: the stock docker CLI's classic one, the stock buildx, and our own CLI. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { oldDockerCli, type Ran, run, startEngine, type TestEngine } from '../harness/index.ts';

setDefaultTimeout(120_000);

let engine: TestEngine;
let scratch: string;
beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'estiba-doors-'));
  engine = await startEngine();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true, force: true });
});

const dockerfile = `
FROM busybox AS tools
ARG FLAVOUR=plain
RUN mkdir -p /out && echo "$FLAVOUR" > /out/flavour && chmod 640 /out/flavour
WORKDIR /made/here

FROM busybox
LABEL of=doors
ENV PATH=$PATH:/opt/bin GREETING="hello there"
WORKDIR /app
COPY --from=tools /out/ ./
COPY src/ src/
COPY --chown=7:8 script.sh /opt/bin/script
RUN script.sh 2>/dev/null || /opt/bin/script > said && ln -s said again && rm /app/src/gone
VOLUME /data
EXPOSE 80/tcp
USER 7:8
HEALTHCHECK --interval=5s CMD true
STOPSIGNAL SIGINT
ENTRYPOINT ["/opt/bin/script"]
CMD ["by", "default"]
`;

function writeContext(): string {
  const directory = mkdtempSync(join(scratch, 'context-'));
  mkdirSync(join(directory, 'src/deep'), { recursive: true });
  writeFileSync(join(directory, 'Dockerfile'), dockerfile);
  writeFileSync(join(directory, '.dockerignore'), '*.log\n');
  writeFileSync(join(directory, 'src/deep/file'), 'content');
  writeFileSync(join(directory, 'src/gone'), 'goes');
  writeFileSync(join(directory, 'src/ignored.log'), 'is sent with src, for the pattern is of the top alone');
  writeFileSync(join(directory, 'top.log'), 'is not sent');
  symlinkSync('deep/file', join(directory, 'src/link'));
  writeFileSync(join(directory, 'script.sh'), '#!/bin/sh\necho "$GREETING" "$@"\n');
  chmodSync(join(directory, 'script.sh'), 0o755);
  return directory;
}

/** Mode, owner, size and path of all that an image has beyond its base. */
async function filesOf(image: string): Promise<string> {
  const list =
    'find /app /opt /data /made -exec stat -c "%n %A %u:%g %s" {} + 2>/dev/null | grep -v "^/app [^ ]* [^ ]* " | sort';
  const listing = await engine.dockerOk('run', '--rm', '--user', '0', '--entrypoint', 'sh', image, '-c', list);
  const contents = 'cat /app/flavour /app/said /app/again /app/src/deep/file; readlink /app/src/link';
  return `${listing}\n${await engine.dockerOk('run', '--rm', '--user', '0', '--entrypoint', 'sh', image, '-c', contents)}`;
}

interface Inspected {
  readonly Config: Record<string, unknown>;
  readonly RootFS: { readonly Layers: string[] };
}

async function configOf(image: string): Promise<Record<string, unknown>> {
  const [inspected] = JSON.parse(await engine.dockerOk('image', 'inspect', image)) as [Inspected];
  const { Config } = inspected;
  const wanted = [
    'Cmd',
    'Entrypoint',
    'Env',
    'ExposedPorts',
    'Healthcheck',
    'Labels',
    'StopSignal',
    'User',
    'Volumes',
    'WorkingDir',
  ];
  return Object.fromEntries(wanted.map((name) => [name, Config[name]]));
}

/** A docker CLI that brings its session along with `POST /build?version=2`. */
function sessionBuild(...args: readonly string[]): Promise<Ran> {
  const environment = { DOCKER_BUILDKIT: '1', DOCKER_HOST: engine.host, DOCKER_CONFIG: engine.root };
  return run([oldDockerCli(), 'build', '--progress', 'plain', ...args], { environment });
}

const doors: Readonly<Record<string, (tag: string, context: string) => Promise<Ran>>> = {
  classic: (tag, context) =>
    engine.dockerWith(
      { environment: { DOCKER_BUILDKIT: '0' } },
      'build',
      '-t',
      tag,
      '--build-arg',
      'FLAVOUR=rich',
      context,
    ),
  buildx: (tag, context) => engine.buildx('build', '-t', tag, '--build-arg', 'FLAVOUR=rich', context),
  session: (tag, context) => sessionBuild('-t', tag, '--build-arg', 'FLAVOUR=rich', context),
  own: (tag, context) => engine.estiba('build', '-t', tag, '--build-arg', 'FLAVOUR=rich', context),
};

test('images are equal in files and configuration, whichever door they came through', async () => {
  const context = writeContext();
  const seen: Record<string, { files: string; config: Record<string, unknown> }> = {};
  for (const [name, build] of Object.entries(doors)) {
    const { code, stderr } = await build(`door-${name}`, context);
    expect({ name, code, stderr: code === 0 ? '' : stderr }).toEqual({ name, code: 0, stderr: '' });
    seen[name] = { files: await filesOf(`door-${name}`), config: await configOf(`door-${name}`) };
  }
  expect(seen.classic?.files).toContain('/app/flavour -rw-r----- 0:0 5');
  expect(seen.classic?.files).toContain('/opt/bin/script -rwxr-xr-x 7:8');
  expect(seen.classic?.files).toContain('rich\nhello there\nhello there\ncontent');
  expect(seen.classic?.files).not.toContain('gone');
  expect(seen.classic?.files).not.toContain('/made');
  expect(seen.buildx).toEqual(seen.classic as never);
  expect(seen.session).toEqual(seen.classic as never);
  expect(seen.own).toEqual(seen.classic as never);
  expect(seen.own?.config).toMatchObject({
    Entrypoint: ['/opt/bin/script'],
    Cmd: ['by', 'default'],
    WorkingDir: '/app',
    User: '7:8',
    Labels: { of: 'doors' },
    Volumes: { '/data': {} },
    ExposedPorts: { '80/tcp': {} },
    StopSignal: 'SIGINT',
  });
  expect(await engine.dockerOk('run', '--rm', 'door-own')).toBe('hello there by default');
});

test('what was built through one door is known at the others', async () => {
  const context = writeContext();
  expect((await doors.buildx?.('known-buildx', context))?.code).toBe(0);
  const own = await engine.estiba(
    'build',
    '--progress',
    'plain',
    '-t',
    'known-own',
    '--build-arg',
    'FLAVOUR=rich',
    context,
  );
  expect(own.code).toBe(0);
  expect(own.stderr.match(/CACHED/g)?.length).toBeGreaterThanOrEqual(5);
  expect(own.stderr).not.toMatch(/RUN[^\n]*\n#\d+ DONE/);
});

test('a step that fails is told with its output, its lines and its exit code', async () => {
  const context = mkdtempSync(join(scratch, 'failing-'));
  writeFileSync(join(context, 'Dockerfile'), 'FROM busybox\nRUN echo said before; exit 3\n');
  const classic = await engine.dockerWith({ environment: { DOCKER_BUILDKIT: '0' } }, 'build', context);
  expect(classic.code).not.toBe(0);
  expect(classic.stderr).toContain("The command '/bin/sh -c echo said before; exit 3' returned a non-zero code: 3");
  for (const { code, stderr } of [
    await engine.buildx('build', '--progress', 'plain', context),
    await engine.estiba('build', context),
  ]) {
    expect(code).toBe(1);
    expect(stderr).toContain('said before');
    expect(stderr).toContain('   2 | >>> RUN echo said before; exit 3');
    expect(stderr).toContain(
      'process "/bin/sh -c echo said before; exit 3" did not complete successfully: exit code: 3',
    );
  }
});

test('a secret is read by its step, and is nowhere afterwards', async () => {
  const context = mkdtempSync(join(scratch, 'secret-'));
  const secret = `top-secret-${crypto.randomUUID()}`;
  writeFileSync(join(scratch, 'secret.txt'), secret);
  writeFileSync(
    join(context, 'Dockerfile'),
    'FROM busybox\nRUN --mount=type=secret,id=token wc -c < /run/secrets/token > /size\n',
  );
  const flag = ['--secret', `id=token,src=${join(scratch, 'secret.txt')}`];
  expect(await engine.buildx('build', ...flag, '-t', 'secret-buildx', context)).toMatchObject({ code: 0 });
  expect(await engine.estiba('build', '--no-cache', ...flag, '-t', 'secret-own', context)).toMatchObject({ code: 0 });
  for (const image of ['secret-buildx', 'secret-own']) {
    expect(await engine.dockerOk('run', '--rm', image, 'cat', '/size')).toBe(String(secret.length));
    expect(await engine.dockerOk('run', '--rm', image, 'find', '/', '-name', 'token*', '-xdev')).toBe('');
  }
  const { stdout } = await run(['grep', '-rlaF', '-D', 'skip', secret, engine.dataRoot, engine.execRoot]);
  expect(stdout).toBe('');
});

test('files are given to the client: a directory, a tar, an OCI layout', async () => {
  const context = mkdtempSync(join(scratch, 'out-'));
  writeFileSync(
    join(context, 'Dockerfile'),
    'FROM busybox AS made\nRUN mkdir /o; echo it > /o/file\nFROM scratch\nCOPY --from=made /o /\n',
  );
  const place = (name: string): string => join(scratch, name);
  expect(await engine.buildx('build', '-o', place('by-buildx'), context)).toMatchObject({ code: 0 });
  expect(await engine.estiba('build', '-o', place('by-own'), context)).toMatchObject({ code: 0 });
  expect(readFileSync(place('by-buildx/file'), 'utf8')).toBe('it\n');
  expect(readFileSync(place('by-own/file'), 'utf8')).toBe('it\n');
  const outputs = ['-o', `type=tar,dest=${place('a.tar')}`, '-o', `type=oci,dest=${place('oci.tar')}`];
  expect(await engine.estiba('build', ...outputs, context)).toMatchObject({ code: 0 });
  expect((await run(['tar', '-tf', place('a.tar')])).stdout).toBe('file\n');
  expect((await run(['tar', '-tf', place('oci.tar')])).stdout).toContain('index.json\n');
  expect(existsSync(place('by-own/etc'))).toBe(false);
});

test('the docker CLI of Debian 12 gives secrets, chooses a stage, and is told of what fails', async () => {
  const context = mkdtempSync(join(scratch, 'session-'));
  const lines = [
    'FROM busybox AS kept',
    'RUN --mount=type=secret,id=word cat /run/secrets/word >/word',
    'FROM kept',
    'RUN echo last words; exit 3',
  ];
  writeFileSync(join(context, 'Dockerfile'), lines.join('\n'));
  writeFileSync(join(context, 'word'), 'whispered');
  const flags = ['--secret', `id=word,src=${join(context, 'word')}`, '--iidfile', join(context, 'id'), context];
  const kept = await sessionBuild('--target', 'kept', ...flags);
  expect({ code: kept.code, stderr: kept.code === 0 ? '' : kept.stderr }).toEqual({ code: 0, stderr: '' });
  const id = readFileSync(join(context, 'id'), 'utf8');
  expect(await engine.dockerOk('run', '--rm', id, 'cat', '/word')).toBe('whispered');
  const failed = await sessionBuild(...flags);
  expect(failed.code).toBe(1);
  expect(failed.stderr).toMatch(/ last words\n/);
  expect(failed.stderr).toContain('did not complete successfully: exit code: 3');
});
