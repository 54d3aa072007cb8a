import { expect, test } from 'bun:test';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEngine, until } from '../harness/index.ts';

/**
 * A runtime that hangs when it is to do a given thing for a container with `STUCK=1`, until it is released.
 * Verbs are those of the OCI runtime's command line.
 */
function hangingRuntime(): {
  directory: string;
  hang(verb: string): void;
  isHanging(): boolean;
  release(): void;
} & Disposable {
  const directory = mkdtempSync(join(tmpdir(), 'estiba-runtime-'));
  const flags = join(directory, 'hang');
  mkdirSync(flags);
  const real = Bun.which('crun');
  const script = `#!/bin/sh
for word in "$@"; do
  if [ -e "${flags}/$word" ]; then
    for place in "$@"; do
      # The bundle is known when it is started; later the runtime's own state tells.
      if [ -e "$place/config.json" ] && grep -q STUCK=1 "$place/config.json"; then
        echo "$*" > "${flags}/stuck"
        while [ -e "${flags}/$word" ]; do sleep 0.05; done
      fi
    done
  fi
done
exec ${real} "$@"
`;
  writeFileSync(join(directory, 'crun'), script);
  chmodSync(join(directory, 'crun'), 0o755);
  const release = (): void => rmSync(flags, { recursive: true, force: true });
  return {
    directory,
    hang: (verb) => writeFileSync(join(flags, verb), ''),
    isHanging: () => existsSync(join(flags, 'stuck')),
    release,
    [Symbol.dispose]() {
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

test('a container whose runtime hangs slows neither ps nor another container', async () => {
  using runtime = hangingRuntime();
  await using engine = await startEngine({ environment: { PATH: `${runtime.directory}:${process.env.PATH}` } });
  runtime.hang('run');
  const stuck = engine.docker('run', '-d', '--name', 'stuck', '-e', 'STUCK=1', 'busybox', 'true');
  let returned = false;
  void stuck.then(() => {
    returned = true;
  });
  await until('the runtime to hang', () => runtime.isHanging());
  await engine.dockerOk('ps', '-a');
  await engine.dockerOk('inspect', 'stuck');
  await engine.dockerOk('run', '--rm', 'busybox', 'true');
  expect(returned).toBe(false);
  runtime.release();
  expect((await stuck).code).toBe(0);
  await engine.dockerOk('rm', '-f', 'stuck');
});

test('a flood of log lines is slowed, loses nothing, and slows nobody else', async () => {
  await using engine = await startEngine();
  const limits = ['--log-opt', 'max-size=200m', '--log-opt', 'max-file=2'];
  await engine.dockerOk('run', '-d', '--name', 'flood', ...limits, 'busybox', 'seq', '1', '400000');
  await engine.dockerOk('ps');
  expect(await engine.dockerOk('run', '--rm', 'busybox', 'echo', 'through')).toBe('through');
  expect(await engine.dockerOk('wait', 'flood')).toBe('0');
  const { stdout } = await engine.docker('logs', 'flood');
  const lines = stdout.trimEnd().split('\n');
  expect(lines.length).toBe(400_000);
  expect(lines.findIndex((line, index) => line !== String(index + 1))).toBe(-1);
}, 120_000);

test('logs are bounded by default', async () => {
  await using engine = await startEngine();
  const { LogConfig } = await engine
    .dockerOk('run', '-d', 'busybox', 'true')
    .then((id) => engine.get<{ HostConfig: { LogConfig: { Type: string } } }>(`/containers/${id}/json`))
    .then(({ HostConfig }) => HostConfig);
  expect(LogConfig.Type).toBe('json-file');
  await engine.dockerOk(
    'run',
    '--name',
    'much',
    '--log-opt',
    'max-size=64k',
    '--log-opt',
    'max-file=2',
    'busybox',
    'seq',
    '1',
    '20000',
  );
  const { stdout } = await engine.docker('logs', 'much');
  const lines = stdout.trimEnd().split('\n');
  // The newest are there, in one piece, and the oldest are gone.
  expect(lines.at(-1)).toBe('20000');
  expect(lines.length).toBeLessThan(3000);
  const first = Number(lines[0]);
  expect(lines).toEqual(Array.from({ length: lines.length }, (_, index) => String(first + index)));
});
