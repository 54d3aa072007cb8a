import { afterAll, beforeAll, expect, test } from 'bun:test';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerInspect } from '../../src/api/index.ts';
import { containerFlags } from '../../src/cli/container-options/flags.ts';
import { createRequest } from '../../src/cli/container-options/request.ts';
import { parseFlags } from '../../src/cli/grammar/parse-flags.ts';
import { estibaCommand, run, startEngine, type TestEngine } from '../harness/index.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
  const config = [
    'ENV FROM=image SHARED=image',
    'LABEL from=image shared=image',
    'USER 0:0',
    'WORKDIR /srv',
    'EXPOSE 70',
    'VOLUME /image-data',
    'STOPSIGNAL SIGUSR1',
    'ENTRYPOINT ["sh", "-c"]',
    'CMD ["sleep 1000"]',
    'HEALTHCHECK --interval=1h CMD true',
  ];
  await engine.dockerOk('create', '--name', 'base', 'busybox');
  await engine.dockerOk('commit', ...config.flatMap((line) => ['-c', line]), 'base', 'made');
  await engine.dockerOk('volume', 'create', 'site');
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

/** What inspect tells of a container, without what no two have in common. */
async function comparable(name: string) {
  const container = await engine.get<ContainerInspect>(`/containers/${name}/json`);
  const { Id, Config, HostConfig, Mounts, NetworkSettings, Path, Args, Image } = container;
  const mounts = Mounts.map((mount) =>
    /^[0-9a-f]{64}$/.test(mount.Name ?? '') ? { ...mount, Name: '', Source: '' } : mount,
  );
  return {
    Config: { ...Config, Hostname: Id.startsWith(Config.Hostname) ? '' : Config.Hostname },
    HostConfig: { ...HostConfig, Links: HostConfig.Links?.map((link) => link.replace(`/${name}/`, '/NAME/')) },
    Mounts: mounts.sort((a, b) => (a.Destination < b.Destination ? -1 : 1)),
    Networks: Object.keys(NetworkSettings.Networks),
    Path,
    Args,
    Image,
  };
}

/** Makes a container of the words of `estiba create`, as that does, but without a process for each. */
async function create(name: string, words: readonly string[]): Promise<void> {
  const { values, given, args } = parseFlags(containerFlags, words, { interspersed: false });
  const [image = '', ...command] = args;
  const body = createRequest({ values, given, image, command });
  const response = await engine.request('POST', `/containers/create?name=${name}`, body);
  expect({ status: response.status, said: await response.text() }).toMatchObject({ status: 201 });
}

/** The words of each line, as bash takes it. */
async function wordsOf(printed: string): Promise<string[][]> {
  const script = `estiba() { printf '%s\\0' "$@" $'\\1'; }\n${printed}`;
  const { code, stdout, stderr } = await run(['bash', '-c', script]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const lines = stdout.split('\x01\0').slice(0, -1);
  return lines.map((line) => line.split('\0').slice(0, -1));
}

const lines: Readonly<Record<string, readonly string[]>> = {
  plain: ['busybox'],
  words: ['busybox', 'echo', "it's", 'a  b', '', '$HOME', '--name', '*', 'ä\nö'],
  streams: ['-i', '-t', '-a', 'stdin', '-a', 'stdout', 'busybox', 'cat'],
  identity: [
    '-h',
    'box',
    '--domainname',
    'example.org',
    '-l',
    'a=b c',
    '--label',
    'empty=',
    '--annotation',
    'x.y=z',
    'busybox',
  ],
  process: ['-e', 'A=1', '-e', 'SHARED=mine', '-u', '1:2', '-w', '/else', '--group-add', '10', '--init', 'made'],
  kept: ['-e', 'SHARED=image', '-l', 'shared=other', '-l', 'own=1', '-v', '/more', '--expose', '71/udp', 'made'],
  command: ['made', 'echo', 'other'],
  entrypoint: ['--entrypoint', 'ls', 'made', '-la', '/'],
  'no-entrypoint': ['--entrypoint', '', 'made', 'true'],
  stop: ['--stop-signal', 'SIGINT', '--stop-timeout', '0', '--init=false', 'made'],
  ports: [
    '-p',
    '80',
    '-p',
    '127.0.0.1::81/udp',
    '-p',
    '8082-8083:82-83',
    '-p',
    '[::1]:8084:84',
    '-P',
    '--expose',
    '90-91',
    'busybox',
  ],
  hosts: ['--dns', '1.1.1.1', '--dns-option', 'ndots:2', '--dns-search', 'x.org', '--add-host', 'h:1.2.3.4', 'busybox'],
  place: ['--mac-address', '02:00:00:00:00:07', '--link', 'base:alias', '--link-local-ip', '169.254.1.2', 'busybox'],
  modes: [
    '--network',
    'host',
    '--ipc',
    'shareable',
    '--pid',
    'host',
    '--uts',
    'host',
    '--cgroupns',
    'private',
    'busybox',
  ],
  shared: ['--network', 'container:base', '--volumes-from', 'base:ro', 'busybox'],
  volumes: [
    '-v',
    'site:/site:ro',
    '-v',
    '/tmp:/host',
    '-v',
    '/own',
    '--tmpfs',
    '/t:size=1m',
    '--tmpfs',
    '/u',
    '--read-only',
    'busybox',
  ],
  mounts: [
    ...[
      '--mount',
      'type=volume,src=site,dst=/s,ro,volume-nocopy',
      '--mount',
      'type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=1770',
    ],
    ...['--mount', 'type=bind,src=/tmp,dst=/b,readonly,bind-propagation=rprivate,bind-recursive=writable'],
    ...[
      '--mount',
      '"type=volume","dst=/c,d","volume-opt=o=size=1m,mode=700","volume-opt=type=tmpfs",volume-opt=device=tmpfs',
    ],
    ...['--mount', 'type=volume,dst=/l,volume-label=k=v', 'busybox'],
  ],
  limits: [
    ...[
      '-m',
      '100m',
      '--memory-swap',
      '-1',
      '--memory-reservation',
      '50m',
      '--cpus',
      '1.25',
      '-c',
      '512',
      '--cpuset-cpus',
      '0',
    ],
    ...[
      '--pids-limit',
      '50',
      '--shm-size',
      '1m',
      '--ulimit',
      'nofile=100:200',
      '--ulimit',
      'core=-1',
      '--oom-score-adj',
      '-5',
    ],
    ...[
      '--blkio-weight',
      '300',
      '--sysctl',
      'net.core.somaxconn=200',
      '--cgroup-parent',
      '/estiba-of-tests',
      'busybox',
    ],
  ],
  quota: [
    '--cpu-period',
    '50000',
    '--cpu-quota',
    '20000',
    '-m',
    '100m',
    '--memory-swap',
    '150m',
    '--oom-kill-disable',
    'busybox',
  ],
  devices: [
    '--device',
    '/dev/null',
    '--device',
    '/dev/zero:/dev/z:r',
    '--device-cgroup-rule',
    'c 1:3 rw',
    '--device-read-bps',
    '/dev/null:1m',
    'busybox',
  ],
  rights: [
    '--cap-add',
    'NET_ADMIN',
    '--cap-drop',
    'ALL',
    '--security-opt',
    'no-new-privileges',
    '--security-opt',
    'systempaths=unconfined',
    'busybox',
  ],
  privileged: ['--privileged', '--userns', 'host', '--security-opt', 'seccomp=unconfined', 'busybox'],
  health: [
    ...[
      '--health-cmd',
      "test -f '/x y'",
      '--health-interval',
      '1m30s',
      '--health-timeout',
      '500ms',
      '--health-retries',
      '4',
    ],
    ...['--health-start-period', '2s', '--health-start-interval', '1s', '--health-on-failure', 'restart', 'busybox'],
  ],
  healthy: ['--health-interval', '2h', 'made'],
  'no-health': ['--no-healthcheck', 'made'],
  life: ['--restart', 'on-failure:3', '--log-driver', 'local', '--log-opt', 'max-size=1m', 'busybox'],
  gone: ['--rm', '--log-opt', 'max-file=2', '--runtime', 'runc', 'busybox', 'true'],
};

test('the command line of a container makes one like it', async () => {
  const names = Object.keys(lines);
  await Promise.all(Object.entries(lines).map(([name, words]) => create(name, words)));
  const { stdout, stderr, code } = await engine.estiba('inspect', '--as-command', ...names);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const printed = await wordsOf(stdout);
  expect(printed.map(([verb, flag, name]) => [verb, flag, name])).toEqual(
    names.map((name) => ['create', '--name', name]),
  );
  await Promise.all(
    printed.map(async ([, , name = '', ...words]) => {
      await create(`${name}-again`, words);
      const [first, second] = await Promise.all([comparable(name), comparable(`${name}-again`)]);
      expect({ words, second }).toEqual({ words, second: first });
    }),
  );
});

test('a shell runs it', async () => {
  const { stdout } = await engine.estiba('inspect', '--as-command', 'words');
  const line = stdout.replace('--name words', '--name ran');
  const script = `estiba() { ${estibaCommand().join(' ')} "$@"; }\n${line}`;
  const { code } = await run(['bash', '-c', script], { environment: { DOCKER_HOST: engine.host } });
  expect(code).toBe(0);
  expect(await comparable('ran')).toEqual(await comparable('words'));
});

test('it says no more than it must, as a shell takes it', async () => {
  const print = async (name: string): Promise<string> =>
    (await engine.estiba('container', 'inspect', '--as-command', name)).stdout;
  await Promise.all([
    engine.dockerOk('run', '-d', '--name', 'left', '--init', 'busybox', 'sleep', '1000'),
    engine.dockerOk('run', '--name', 'seen', '-e', 'A=b c', 'busybox', 'true'),
    engine.dockerOk('create', '--name', 'by-image', 'made'),
  ]);
  expect(await print('left')).toBe('estiba run -d --name left --init busybox sleep 1000\n');
  expect(await print('seen')).toBe("estiba run --name seen -e 'A=b c' busybox true\n");
  expect(await print('by-image')).toBe('estiba create --name by-image made\n');
});

test('what no flag says is told beside it', async () => {
  const profile = join(engine.root, 'profile.json');
  writeFileSync(profile, '{"defaultAction":"SCMP_ACT_ALLOW"}');
  await engine.dockerOk('create', '--name', 'filtered', '--security-opt', `seccomp=${profile}`, 'busybox');
  await engine.request('POST', '/containers/create?name=probed', {
    Image: 'busybox',
    Healthcheck: { Test: ['TCP', '80'] },
  });
  const { stdout, stderr, code } = await engine.estiba('inspect', '--as-command', 'filtered', 'probed', 'nosuch');
  expect(stdout).toStartWith('estiba create --name filtered busybox\nestiba create --name probed ');
  expect(stderr).toContain('filtered: the line does not say the seccomp profile');
  expect(stderr).toContain('probed: the line does not say a health check of type TCP');
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('No such container: nosuch') });
  const both = await engine.estiba('inspect', '--as-command', '-f', '{{.Id}}', 'filtered');
  expect(both).toMatchObject({ code: 1, stdout: '' });
});
