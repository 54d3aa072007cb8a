import { afterAll, beforeAll, expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { addressOf, deviceNames, eventually, Lab, loopbackBy, request } from './testing/lab.ts';
import type { Networks, Sandbox } from './types.ts';

let lab: Lab;
let networks: Networks;
let web: Sandbox;
let local: Sandbox;
let other: Sandbox;
let outside: string;

function hostPort(sandbox: Sandbox, key: string): string {
  return sandbox.ports[key]?.[0]?.HostPort ?? 'none';
}

beforeAll(async () => {
  lab = new Lab();
  networks = await lab.open();
  await networks.reconcile(new Set());
  const binding = (HostIp: string) => ({ '80/tcp': [{ HostIp, HostPort: '' }] });
  web = await networks.setUp(request({ portBindings: binding('') }));
  local = await networks.setUp(request({ portBindings: binding('127.0.0.1') }));
  other = await networks.setUp(request());
  outside = lab.outside();
  await lab.serve(web.namespacePath, 80, 'web');
  await lab.serve(local.namespacePath, 80, 'local');
});

afterAll(async () => {
  await lab[Symbol.asyncDispose]();
});

test('the host reaches a published port on loopback, on the gateway and by IPv6', async () => {
  const port = hostPort(web, '80/tcp');
  const gateway = web.endpoints.bridge?.Gateway ?? '';
  expect(await lab.reach('127.0.0.1', port)).toBe('web');
  expect(await lab.reach(gateway, port)).toBe('web');
  if (existsSync('/proc/net/if_inet6')) expect(await lab.reach('::1', port)).toBe('web');
});

test('containers reach each other, and published ports, their own too', async () => {
  const gateway = web.endpoints.bridge?.Gateway ?? '';
  const port = hostPort(web, '80/tcp');
  expect(await lab.reach(addressOf(web), 80, other.namespacePath)).toBe('web');
  expect(await lab.reach(gateway, port, other.namespacePath)).toBe('web');
  expect(await lab.reach(gateway, port, web.namespacePath)).toBe('web');
});

test('from outside only what is published for outside is reached', async () => {
  expect(await lab.reach('198.51.100.1', hostPort(web, '80/tcp'), outside)).toBe('web');
  expect(await lab.get('198.51.100.1', hostPort(local, '80/tcp'), outside)).toBeUndefined();
  expect(await lab.reach('127.0.0.1', hostPort(local, '80/tcp'))).toBe('local');
  // Straight to the container's address, as a neighbour with a route could.
  expect(await lab.get(addressOf(web), 80, outside)).toBeUndefined();
});

test('the host is not reached on its loopback addresses from a container', async () => {
  await using _closed = { [Symbol.asyncDispose]: async () => void server.stop(true) };
  const server = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response('secret') });
  const gateway = other.endpoints.bridge?.Gateway ?? '';
  const ask = `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | busybox nc -w 1 127.0.0.1 ${server.port}`;
  const child = lab.spawn(['sh', '-c', `(${loopbackBy(gateway)}; ${ask}) 2>/dev/null`], other.namespacePath);
  expect(await child.stdout.text()).not.toContain('secret');
});

test('containers reach the world outside, as the host', async () => {
  await lab.serve(outside, 8080, 'world');
  expect(await lab.reach('198.51.100.2', 8080, other.namespacePath)).toBe('world');
});

test('a flow of datagrams that never pauses follows its port to the next container', async () => {
  const answers = new Set<string>();
  // The port of a container that does not listen yet answers with an error.
  const handlers = { data: (_: unknown, data: Buffer) => void answers.add(data.toString()), error: () => {} };
  const client = await Bun.udpSocket({ socket: handlers });
  const ask = (port: string): void => {
    try {
      client.send('?', Number(port), '127.0.0.1');
    } catch {
      // The same error, told here.
    }
  };
  let binding = { HostIp: '127.0.0.1', HostPort: '' };
  for (const text of ['first', 'second']) {
    const sandbox = await networks.setUp(request({ portBindings: { '53/udp': [binding] } }));
    binding = sandbox.ports['53/udp']?.[0] ?? binding;
    const echo = `await Bun.udpSocket({ port: 53, socket: { data: (s, d, port, at) => s.send('${text}', port, at) } });`;
    lab.spawn([process.execPath, '-e', echo], sandbox.namespacePath);
    await eventually(`${text} answers`, () => {
      ask(binding.HostPort);
      return answers.has(text);
    });
    await networks.tearDown(sandbox.containerId);
    // Nobody has the port, and the flow goes on; the next container has another address.
    ask(binding.HostPort);
    await networks.setUp(request());
  }
  client.close();
});

test('datagrams to [::1] reach a container that has IPv4 alone, and so do their answers', async () => {
  if (!existsSync('/proc/net/if_inet6')) return;
  const sandbox = await networks.setUp(request({ portBindings: { '53/udp': [{ HostIp: '', HostPort: '' }] } }));
  const echo = `await Bun.udpSocket({ port: 53, socket: { data: (s, d, port, at) => s.send('got ' + d, port, at) } });`;
  lab.spawn([process.execPath, '-e', echo], sandbox.namespacePath);
  const answers: string[] = [];
  const handlers = { data: (_: unknown, data: Buffer) => void answers.push(data.toString()), error: () => {} };
  const client = await Bun.udpSocket({ hostname: '::1', socket: handlers });
  await eventually('an answer', () => {
    client.send('it', Number(hostPort(sandbox, '53/udp')), '::1');
    return answers.length > 0;
  });
  expect(answers[0]).toBe('got it');
  client.close();
  await networks.tearDown(sandbox.containerId);
});

test('none has loopback alone; sysctls are set inside', async () => {
  const sysctls = { 'net.core.somaxconn': '77', 'net.ipv4.conf.all.forwarding': '1' };
  const alone = await networks.setUp(request({ endpoints: [{ network: 'none', settings: {} }], sysctls }));
  expect(deviceNames(alone.namespacePath)).toEqual(['lo']);
  expect(alone.endpoints.none?.EndpointID).toMatch(/^[0-9a-f]{64}$/);
  expect(alone.ports).toEqual({});
  const names = ['core/somaxconn', 'ipv4/conf/all/forwarding', 'ipv4/ip_unprivileged_port_start'];
  const child = lab.spawn(['cat', ...names.map((name) => `/proc/sys/net/${name}`)], alone.namespacePath);
  expect(await child.stdout.text()).toBe('77\n1\n0\n');
  await networks.tearDown(alone.containerId);
  expect(existsSync(alone.namespacePath)).toBe(false);
  expect(networks.sandbox(alone.containerId)).toBeUndefined();
});

test('sysctls of the device are set too, and a wrong one leaves nothing', async () => {
  const name = 'net.ipv4.conf.eth0.log_martians';
  const sandbox = await networks.setUp(request({ sysctls: { [name]: '1' } }));
  const child = lab.spawn(['cat', '/proc/sys/net/ipv4/conf/eth0/log_martians'], sandbox.namespacePath);
  expect(await child.stdout.text()).toBe('1\n');
  await networks.tearDown(sandbox.containerId);
  const bad = request({ sysctls: { 'net.ipv4.no_such_thing': '1' } });
  expect(networks.setUp(bad)).rejects.toThrow('open /proc/sys/net/ipv4/no_such_thing: no such file or directory');
  expect(networks.sandbox(bad.containerId)).toBeUndefined();
});

test('inspect shows the bridge as Docker does', () => {
  const bridge = networks.inspect('bridge');
  expect(bridge.Driver).toBe('bridge');
  expect(bridge.Options['com.docker.network.bridge.default_bridge']).toBe('true');
  expect(bridge.Containers[web.containerId]?.IPv4Address).toStartWith(`${addressOf(web)}/`);
  expect(networks.inspect(bridge.Id.slice(0, 12)).Name).toBe('bridge');
  expect(networks.list(new Map()).map(({ Name }) => Name)).toEqual(expect.arrayContaining(['bridge', 'host', 'none']));
  expect(networks.list(new Map([['driver', ['null']]])).map(({ Name }) => Name)).toEqual(['none']);
  expect(() => networks.inspect('nope')).toThrow('network nope not found');
});
