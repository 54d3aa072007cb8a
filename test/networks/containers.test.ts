import { afterAll, beforeAll, expect, test } from 'bun:test';
import type { ContainerInspect, EndpointSettings, NetworkInspect } from '#api';
import { killHard, startEngine, type TestEngine } from '../harness/index.ts';
import { freePrefix } from './subnets.ts';

let engine: TestEngine;
const prefix = freePrefix();
beforeAll(async () => {
  engine = await startEngine();
  await engine.dockerOk('network', 'create', '--subnet', `${prefix}.0/24`, 'fixed');
  await engine.dockerOk('network', 'create', 'free');
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

async function endpointsOf(name: string): Promise<Record<string, EndpointSettings>> {
  return (await engine.get<ContainerInspect>(`/containers/${name}/json`)).NetworkSettings.Networks;
}

async function ask(method: string, path: string, body?: unknown): Promise<[status: number, message: string]> {
  const response = await engine.request(method, path, body);
  const text = await response.text();
  return [response.status, text === '' ? '' : (JSON.parse(text).message ?? '')];
}

const sleeper = ['busybox', 'sleep', '600'];
const inside = (name: string, ...command: readonly string[]): Promise<string> =>
  engine.dockerOk('exec', name, ...command);

test('a container in several networks has a device in each, and finds others by their names', async () => {
  const networks = ['--network', 'fixed', '--network', 'free'];
  await engine.dockerOk(
    'run',
    '-d',
    '--name',
    'web',
    '-h',
    'web-host',
    ...networks,
    '--network-alias',
    'shop',
    ...sleeper,
  );
  await engine.dockerOk('run', '-d', '--name', 'client', '--network', 'free', ...sleeper);
  const { fixed, free } = await endpointsOf('web');
  const id = (await engine.dockerOk('inspect', '-f', '{{.Id}}', 'web')).slice(0, 12);
  expect(fixed?.IPAddress.startsWith(`${prefix}.`)).toBe(true);
  expect(fixed?.Gateway).toBe(`${prefix}.1`);
  expect(free?.DNSNames).toEqual(expect.arrayContaining(['web', id, 'web-host']));
  expect(await inside('web', 'ip', '-o', '-4', 'addr')).toContain(`${fixed?.IPAddress}/24`);
  for (const name of ['web', 'web-host', id, 'web.free']) {
    expect(await inside('client', 'ping', '-c', '1', '-W', '5', name)).toContain(free?.IPAddress ?? 'no address');
  }
  // What is only in the other network has no name here.
  expect((await engine.docker('exec', 'client', 'ping', '-c', '1', 'nobody.fixed')).code).not.toBe(0);
  const network = await engine.get<NetworkInspect>('/networks/fixed');
  expect(Object.values(network.Containers).map(({ Name, IPv4Address }) => [Name, IPv4Address])).toEqual([
    ['web', `${fixed?.IPAddress}/24`],
  ]);
  expect(await ask('DELETE', '/networks/fixed')).toEqual([
    403,
    `error while removing network: network fixed has active endpoints (name:"web" id:"${fixed?.EndpointID.slice(0, 12)}")`,
  ]);
  await engine.dockerOk('rm', '-f', 'web', 'client');
});

test('a running container comes and goes: devices, routes, names, files and events follow', async () => {
  const since = (Date.now() / 1000).toFixed(3);
  await engine.dockerOk('run', '-d', '--name', 'mover', '-h', 'moves', ...sleeper);
  expect(await inside('mover', 'cat', '/etc/resolv.conf')).not.toContain('127.0.0.11');
  const flags = ['--ip', `${prefix}.77`, '--alias', 'nomad'];
  await engine.dockerOk('network', 'connect', ...flags, 'fixed', 'mover');
  expect(await endpointsOf('mover')).toMatchObject({
    bridge: { DNSNames: null },
    fixed: { IPAddress: `${prefix}.77`, Aliases: ['nomad'], IPAMConfig: { IPv4Address: `${prefix}.77` } },
  });
  expect(await inside('mover', 'cat', '/etc/hosts')).toContain(`${prefix}.77\tmoves`);
  expect(await inside('mover', 'cat', '/etc/resolv.conf')).toContain('nameserver 127.0.0.11');
  expect(
    await engine.dockerOk('run', '--rm', '--network', 'fixed', 'busybox', 'ping', '-c', '1', '-W', '5', 'nomad'),
  ).toContain(`${prefix}.77`);
  expect(await ask('POST', '/networks/fixed/connect', { Container: 'mover' })).toEqual([
    403,
    'endpoint with name mover already exists in network fixed',
  ]);
  await engine.dockerOk('network', 'disconnect', 'bridge', 'mover');
  expect(await inside('mover', 'ip', 'route')).toContain(`default via ${prefix}.1`);
  await engine.dockerOk('network', 'disconnect', 'fixed', 'mover');
  expect(await inside('mover', 'ip', '-o', 'link')).not.toContain('eth');
  expect(await inside('mover', 'cat', '/etc/hosts')).not.toContain(`${prefix}.77`);
  expect(await ask('POST', '/networks/fixed/disconnect', { Container: 'mover' })).toEqual([
    500,
    `container ${await engine.dockerOk('inspect', '-f', '{{.Id}}', 'mover')} is not connected to network fixed`,
  ]);
  await engine.dockerOk('rm', '-f', 'mover');
  const till = (Date.now() / 1000 + 0.1).toFixed(3);
  const which = ['--since', since, '--until', till, '-f', 'type=network', '-f', 'network=fixed'];
  const told = await engine.dockerOk('events', ...which, '--format', '{{.Action}} {{.Actor.Attributes.name}}');
  expect(told.split('\n').slice(0, 1)).toEqual(['connect fixed']);
  expect(told.split('\n')).toContain('disconnect fixed');
});

test('a container that does not run learns where it will be', async () => {
  await engine.dockerOk('create', '--name', 'later', ...sleeper);
  await engine.dockerOk('network', 'connect', '--ip', `${prefix}.88`, 'fixed', 'later');
  await engine.dockerOk('network', 'disconnect', 'bridge', 'later');
  expect(Object.keys(await endpointsOf('later'))).toEqual(['fixed']);
  await engine.dockerOk('start', 'later');
  expect((await endpointsOf('later')).fixed?.IPAddress).toBe(`${prefix}.88`);
  const taken = ['--network', 'fixed', '--ip', `${prefix}.88`];
  expect((await engine.docker('run', '--rm', ...taken, 'busybox', 'true')).stderr).toContain('Address already in use');
  const outside = ['--network', 'fixed', '--ip', '10.1.2.3'];
  expect((await engine.docker('create', ...outside, 'busybox', 'true')).stderr).toContain(
    'no configured subnet or ip-range contain the IP address 10.1.2.3',
  );
  const any = ['--network', 'free', '--ip', '10.1.2.3'];
  expect((await engine.docker('create', ...any, 'busybox', 'true')).stderr).toContain(
    'user specified IP address is supported only when connecting to networks with user configured subnets',
  );
  await engine.dockerOk('rm', '-f', 'later');
});

test('networks that do not go together are refused as Docker refuses them', async () => {
  await engine.dockerOk('create', '--name', 'hosted', '--network', 'host', ...sleeper);
  await engine.dockerOk('create', '--name', 'alone', '--network', 'none', ...sleeper);
  await engine.dockerOk('create', '--name', 'plain', ...sleeper);
  const connect = (network: string, Container: string): Promise<[status: number, message: string]> =>
    ask('POST', `/networks/${network}/connect`, { Container });
  expect(await connect('free', 'hosted')).toEqual([
    400,
    'container sharing network namespace with another container or host cannot be connected to any other network',
  ]);
  const none = 'container cannot be connected to multiple networks with one of the networks in private (none) mode';
  expect(await connect('free', 'alone')).toEqual([400, none]);
  expect(await connect('none', 'plain')).toEqual([400, none]);
  expect(await connect('host', 'plain')).toEqual([
    400,
    'cannot connect container to host network - container must be created in host network mode',
  ]);
  expect(await connect('free', '')).toEqual([400, 'invalid name or ID supplied: ""']);
  expect(await connect('free', 'nobody')).toEqual([404, 'No such container: nobody']);
  await engine.dockerOk('rm', 'hosted', 'alone', 'plain');
});

test('what a user wrote into the files of a container stays', async () => {
  await engine.dockerOk('run', '-d', '--name', 'edited', '--network', 'free', ...sleeper);
  await inside('edited', 'sh', '-c', 'echo "nameserver 192.0.2.1" > /etc/resolv.conf');
  await inside('edited', 'sh', '-c', 'echo "192.0.2.7 mine" >> /etc/hosts');
  await engine.dockerOk('network', 'connect', 'fixed', 'edited');
  expect(await inside('edited', 'cat', '/etc/hosts')).toContain('192.0.2.7 mine');
  await engine.dockerOk('restart', '-t', '0', 'edited');
  expect(await inside('edited', 'cat', '/etc/resolv.conf')).toBe('nameserver 192.0.2.1');
  await engine.dockerOk('rm', '-f', 'edited');
});

test('an engine that was killed finds networks, endpoints and names as they were', async () => {
  await engine.dockerOk('run', '-d', '--name', 'stays', '--network', 'free', '--network-alias', 'rock', ...sleeper);
  await engine.dockerOk('network', 'connect', 'fixed', 'stays');
  const before = await endpointsOf('stays');
  await killHard(engine.pid());
  await engine.start();
  expect(await endpointsOf('stays')).toEqual(before);
  const ping = ['ping', '-c', '1', '-W', '5', 'rock'];
  expect(await engine.dockerOk('run', '--rm', '--network', 'free', 'busybox', ...ping)).toContain(
    before.free?.IPAddress ?? 'no address',
  );
  await engine.dockerOk('network', 'disconnect', 'fixed', 'stays');
  await engine.dockerOk('rm', '-f', 'stays');
});
