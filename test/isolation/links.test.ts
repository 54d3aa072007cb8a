import { afterAll, beforeAll, expect, test } from 'bun:test';
import type { ContainerInspect, ContainerSummary } from '#api';
import { startEngine, type TestEngine, until } from '../harness/index.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

const linksOf = async (name: string) =>
  (await engine.get<ContainerInspect>(`/containers/${name}/json`)).HostConfig.Links;

async function addressOf(name: string): Promise<string> {
  return (await engine.get<ContainerInspect>(`/containers/${name}/json`)).NetworkSettings.IPAddress;
}

test('a link gives variables, lines of /etc/hosts and a second name, all by what is true now', async () => {
  const exposed = ['--expose', '80-81', '--expose', '53/udp', '-e', 'FOO=bar', '-e', 'HOME=/x'];
  await engine.dockerOk('run', '-d', '--name', 'base', '-h', 'base-host', ...exposed, 'busybox', 'sleep', '600');
  const links = ['--link', 'base:data-base', '--link', 'base'];
  await engine.dockerOk('run', '-d', '--name', 'front', ...links, 'busybox', 'sleep', '600');
  const address = await addressOf('base');
  const variables = (await engine.dockerOk('exec', 'front', 'env')).split('\n');
  expect(variables.filter((line) => line.startsWith('DATA_BASE_'))).toEqual([
    `DATA_BASE_PORT=tcp://${address}:80`,
    ...[80, 81].flatMap((port) => [
      `DATA_BASE_PORT_${port}_TCP=tcp://${address}:${port}`,
      `DATA_BASE_PORT_${port}_TCP_ADDR=${address}`,
      `DATA_BASE_PORT_${port}_TCP_PORT=${port}`,
      `DATA_BASE_PORT_${port}_TCP_PROTO=tcp`,
    ]),
    `DATA_BASE_PORT_80_TCP_START=tcp://${address}:80`,
    'DATA_BASE_PORT_80_TCP_PORT_START=80',
    `DATA_BASE_PORT_80_TCP_END=tcp://${address}:81`,
    'DATA_BASE_PORT_80_TCP_PORT_END=81',
    `DATA_BASE_PORT_53_UDP=udp://${address}:53`,
    `DATA_BASE_PORT_53_UDP_ADDR=${address}`,
    'DATA_BASE_PORT_53_UDP_PORT=53',
    'DATA_BASE_PORT_53_UDP_PROTO=udp',
    'DATA_BASE_NAME=/front/data-base',
    'DATA_BASE_ENV_FOO=bar',
  ]);
  const hosts = await engine.dockerOk('exec', 'front', 'cat', '/etc/hosts');
  expect(hosts).toContain(`${address}\tdata-base base-host base\n${address}\tbase base-host\n`);
  expect(await engine.dockerOk('exec', 'front', 'ping', '-c', '1', '-W', '5', 'data-base')).toContain(address);

  await engine.dockerOk('rename', 'base', 'moved');
  expect(await linksOf('front')).toEqual(['/moved:/front/data-base', '/moved:/front/base']);
  const rows = await engine.get<ContainerSummary[]>('/containers/json');
  expect(rows.find(({ Names }) => Names[0] === '/moved')?.Names).toEqual(['/moved', '/front/data-base', '/front/base']);

  // Another address after a restart: somebody else has taken the old one in between.
  await engine.dockerOk('stop', '-t', '0', 'moved');
  await engine.dockerOk('run', '-d', '--name', 'taker', 'busybox', 'sleep', '600');
  const refused = await engine.docker('restart', '-t', '0', 'front');
  expect(refused.stderr).toContain('Cannot link to a non running container: /moved AS /front/data-base');
  await engine.dockerOk('start', 'moved');
  await engine.dockerOk('start', 'front');
  await engine.dockerOk('restart', '-t', '0', 'moved');
  const next = await addressOf('moved');
  const line = `${next}\tdata-base base-host`;
  await until('the new address', async () =>
    (await engine.dockerOk('exec', 'front', 'cat', '/etc/hosts')).includes(line),
  );

  await engine.dockerOk('rm', '--link', 'front/base');
  expect(await linksOf('front')).toEqual(['/moved:/front/data-base']);
  expect((await engine.docker('rm', '--link', 'front/base')).stderr).toContain('No such container: front/base');
  await engine.dockerOk('rm', '-f', 'moved');
  expect(await linksOf('front')).toBeNull();
});

test('links that lead nowhere are refused', async () => {
  const cases = [
    [['--link', 'nobody:x'], 'could not get container for nobody: No such container: nobody'],
    [['--network', 'host', '--link', 'nobody'], "host type networking can't be used with links"],
    [['--network', 'container:x', '--link', 'nobody'], "container type network can't be used with links"],
  ] as const;
  for (const [flags, message] of cases) {
    expect((await engine.docker('create', ...flags, 'busybox', 'true')).stderr).toContain(message);
  }
  const body = { Image: 'busybox', HostConfig: { Links: ['a:b:c'] } };
  const response = await engine.request('POST', '/containers/create', body);
  expect([response.status, await response.json()]).toEqual([400, { message: 'bad format for links: a:b:c' }]);
});
