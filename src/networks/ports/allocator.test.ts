import { afterAll, beforeAll, expect, test } from 'bun:test';
import { createServer } from 'node:net';
import { Lab, request } from '../testing/lab.ts';
import type { Networks } from '../types.ts';
import { PortAllocator, type PublishTarget } from './allocator.ts';
import { hasIpv6 } from './forwarder.ts';
import { ephemeralRange } from './present.ts';
import type { PortRequest } from './request.ts';

let lab: Lab;
let networks: Networks;

beforeAll(async () => {
  lab = new Lab();
  networks = await lab.open();
});

afterAll(async () => {
  await lab[Symbol.asyncDispose]();
});

/** A port that nobody uses at this moment, and the next one. */
async function freePort(): Promise<number> {
  const probe = await networks.setUp(request({ portBindings: publish('') }));
  await networks.tearDown(probe.containerId);
  return Number(probe.ports['80/tcp']?.[0]?.HostPort);
}

/** The first of two free ports in a row: other processes of the host have some here and there. */
async function freePair(): Promise<number> {
  for (;;) {
    const port = await freePort();
    const isFree = await new Promise<boolean>((resolve) => {
      const server = createServer();
      server.once('error', () => resolve(false));
      server.listen({ port: port + 1, host: '0.0.0.0' }, () => server.close(() => resolve(true)));
    });
    if (isFree) return port;
  }
}

function publish(HostPort: string, HostIp = '') {
  return { '80/tcp': [{ HostIp, HostPort }] };
}

test('a taken port is refused in the words of Docker, and nothing is left', async () => {
  const port = String(await freePort());
  const owner = await networks.setUp(request({ portBindings: publish(port) }));
  const second = request({ portBindings: publish(port, '127.0.0.1') });
  await expect(networks.setUp(second)).rejects.toThrow(
    new RegExp(
      `driver failed programming external connectivity on endpoint ${second.containerName} \\([0-9a-f]{64}\\): Bind for 0\\.0\\.0\\.0:${port} failed: port is already allocated$`,
    ),
  );
  expect(networks.sandbox(second.containerId)).toBeUndefined();
  const udp = await networks.setUp(request({ portBindings: { '80/udp': [{ HostIp: '', HostPort: port }] } }));
  await networks.tearDown(owner.containerId);
  const third = await networks.setUp(second);
  expect(third.ports['80/tcp']).toEqual([{ HostIp: '127.0.0.1', HostPort: port }]);
  await networks.tearDown(third.containerId);
  await networks.tearDown(udp.containerId);
});

test('of two starts at once for one port, one wins', async () => {
  const port = String(await freePort());
  const outcomes = await Promise.allSettled(
    [1, 2, 3].map(() => networks.setUp(request({ portBindings: publish(port) }))),
  );
  expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected', 'rejected']);
  for (const outcome of outcomes) {
    if (outcome.status === 'fulfilled') await networks.tearDown(outcome.value.containerId);
  }
});

test('a port that a process of the host listens at is refused, and skipped in a range', async () => {
  const port = await freePort();
  const server = createServer().listen(port, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const refused = networks.setUp(request({ portBindings: publish(String(port)) }));
  await expect(refused).rejects.toThrow(
    /failed to bind host port for 0\.0\.0\.0:\d+:[\d.]+:80\/tcp: address already in use$/,
  );
  const next = await networks.setUp(request({ portBindings: publish(`${port}-${port + 9}`) }));
  expect(Number(next.ports['80/tcp']?.[0]?.HostPort)).toBeGreaterThan(port);
  await networks.tearDown(next.containerId);
  server.close();
});

test('a range gives each container another port until none is left', async () => {
  const first = await freePair();
  const range = `${first}-${first + 1}`;
  const one = await networks.setUp(request({ portBindings: publish(range, '127.0.0.1') }));
  const two = await networks.setUp(request({ portBindings: publish(range, '127.0.0.1') }));
  expect([one, two].map(({ ports }) => Number(ports['80/tcp']?.[0]?.HostPort))).toEqual([first, first + 1]);
  const third = networks.setUp(request({ portBindings: publish(range, '127.0.0.1') }));
  await expect(third).rejects.toThrow('all ports are allocated');
  await networks.tearDown(one.containerId);
  await networks.tearDown(two.containerId);
});

test('a published port is held: no process of the host can take it', async () => {
  const sandbox = await networks.setUp(request({ portBindings: publish('') }));
  const port = Number(sandbox.ports['80/tcp']?.[0]?.HostPort);
  const attempt = (host: string) =>
    new Promise((resolve) => {
      const server = createServer();
      server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code));
      server.listen({ port, host }, () => server.close(() => resolve('listening')));
    });
  expect(await attempt('0.0.0.0')).toBe('EADDRINUSE');
  expect(await attempt('127.0.0.1')).toBe('EADDRINUSE');
  await networks.tearDown(sandbox.containerId);
  expect(await attempt('127.0.0.1')).toBe('listening');
});

test('an address that the host does not have is refused', async () => {
  const refused = networks.setUp(request({ portBindings: publish('', '203.0.113.77') }));
  await expect(refused).rejects.toThrow('cannot assign requested address');
});

/** What is taken and opened for one request, without numbers that are chosen. */
async function placesOf(target: Partial<PublishTarget>, asked: Partial<PortRequest> = {}): Promise<string[]> {
  const allocator = new PortAllocator(ephemeralRange());
  const one = { protocol: 'tcp' as const, containerPort: 80, hostAddress: '', ...asked };
  const ports = await allocator.allocate([one], { device: 'none', ...target });
  allocator.release(ports);
  return ports.map(({ hostAddress, hostPort }) => `${hostAddress} ${hostPort === 0 ? 'opened' : 'taken'}`);
}

test('which addresses of the host a binding stands for follows from the network', async () => {
  // What is said of IPv6 holds where the host has it.
  if (!hasIpv6()) return;
  const [ipv4, ipv6] = ['10.0.0.2', 'fd00::2'];
  const both = ['0.0.0.0 taken', ':: taken'];
  expect(await placesOf({ ipv4 })).toEqual(both);
  expect(await placesOf({ ipv4, ipv6 })).toEqual(both);
  expect(await placesOf({ ipv4 }, { protocol: 'udp' })).toEqual(both);
  expect(await placesOf({ ipv4 }, { protocol: 'sctp' })).toEqual(['0.0.0.0 taken']);
  expect(await placesOf({ ipv6 })).toEqual([':: taken']);
  expect(await placesOf({ ipv6 }, { hostAddress: '127.0.0.1' })).toEqual([]);
  expect(await placesOf({ ipv4, defaultAddress: '127.0.0.1' })).toEqual(['127.0.0.1 taken']);
  expect(await placesOf({ ipv4, defaultAddress: '::1' })).toEqual(['::1 taken']);
  expect(await placesOf({ ipv4, defaultAddress: '127.0.0.1' }, { hostAddress: '0.0.0.0' })).toEqual(['0.0.0.0 taken']);
  expect(await placesOf({ ipv4, modes: { ipv4: 'routed' } })).toEqual(['0.0.0.0 opened', ':: taken']);
  expect(await placesOf({ ipv4, ipv6, modes: { ipv6: 'routed' } })).toEqual(['0.0.0.0 taken', ':: opened']);
  expect(await placesOf({ ipv4, modes: { ipv4: 'routed' } }, { hostAddress: '127.0.0.1' })).toEqual(['0.0.0.0 opened']);
});

test('a thousand ports are given out and held', async () => {
  const allocator = new PortAllocator({ first: 20_000, last: 32_000 });
  const requests = Array.from({ length: 1000 }, (_, index) => ({
    ...{ protocol: 'tcp' as const, containerPort: 1 + index, hostAddress: '127.0.0.1' },
  }));
  const ports = await allocator.allocate(requests, { device: 'none', ipv4: '10.0.0.2' });
  expect(new Set(ports.map(({ hostPort }) => hostPort)).size).toBe(1000);
  allocator.release(ports);
});
