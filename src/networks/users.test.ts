import { afterAll, beforeAll, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import type { NetworkCreateRequest } from '#api';
import { addBridge, deleteLink, RouteSocket } from '#linux/rtnetlink';
import { deviceNames, Lab, request } from './testing/lab.ts';
import type { Networks } from './types.ts';

let lab: Lab;
let networks: Networks;

beforeAll(async () => {
  lab = new Lab();
  networks = await lab.open('engine', { addressPools: [{ base: '10.213.0.0/16', size: 24 }] });
  await networks.reconcile(new Set());
});

afterAll(async () => {
  await lab[Symbol.asyncDispose]();
});

/** Makes a network and returns its id. */
async function made(Name: string, over: Partial<NetworkCreateRequest> = {}): Promise<string> {
  return (await networks.create({ Name, ...over })).Id;
}

function inNetworks(...names: string[]) {
  return { endpoints: names.map((network) => ({ network, settings: {} })) };
}

function routesOf(namespacePath: string, family: 4 | 6): Promise<string> {
  return lab.spawn(['busybox', 'ip', `-${family}`, 'route'], namespacePath).stdout.text();
}

test('a network of a user has a bridge and a subnet of its own, until it is removed', async () => {
  const id = await made('plain');
  const network = networks.inspect('plain');
  expect(network).toMatchObject({
    Id: id,
    Driver: 'bridge',
    EnableIPv4: true,
    EnableIPv6: false,
    Options: {},
    Labels: {},
    IPAM: { Driver: 'default', Options: null },
  });
  expect(network.IPAM.Config?.[0]?.Subnet).toMatch(/^10\.213\.\d+\.0\/24$/);
  using route = new RouteSocket();
  expect(route.link(`br-${id.slice(0, 12)}`)).toMatchObject({ kind: 'bridge', isUp: true });
  await networks.remove('plain');
  expect(() => route.link(`br-${id.slice(0, 12)}`)).toThrow('ENODEV');
  expect(() => networks.inspect('plain')).toThrow('network plain not found');
});

test('containers of a network reach each other in both families, and nobody in another network', async () => {
  const id = await made('one', { EnableIPv6: true });
  // No container can advertise itself to the host as its router.
  expect(readFileSync(`/proc/sys/net/ipv6/conf/br-${id.slice(0, 12)}/accept_ra`, 'utf8').trim()).toBe('0');
  await made('two');
  const [first, second, other] = await Promise.all(
    [['one'], ['one'], ['two']].map((names) => networks.setUp(request(inNetworks(...names)))),
  );
  if (first === undefined || second === undefined || other === undefined) throw new Error('nothing was started');
  await lab.serve(first.namespacePath, 80, 'first');
  const { IPAddress = '', GlobalIPv6Address = '' } = first.endpoints.one ?? {};
  expect(await lab.reach(IPAddress, 80, second.namespacePath)).toBe('first');
  expect(await lab.reach(GlobalIPv6Address, 80, second.namespacePath)).toBe('first');
  expect(await lab.get(IPAddress, 80, other.namespacePath)).toBeUndefined();
  await expect(networks.remove('one')).rejects.toThrow(
    'error while removing network: network one has active endpoints',
  );
  for (const { containerId } of [first, second, other]) await networks.tearDown(containerId);
  await networks.remove('one');
  await networks.remove('two');
});

test('the gateway is that of the highest priority, then of both families, then the first by name', async () => {
  await made('gw-a');
  await made('gw-b', { EnableIPv6: true });
  await made('gw-i', { Internal: true });
  const sandbox = await networks.setUp(request(inNetworks('gw-a', 'gw-i')));
  const { containerId, namespacePath } = sandbox;
  expect(deviceNames(namespacePath)).toEqual(['lo', 'eth0', 'eth1']);
  expect(sandbox.endpoints['gw-i']?.Gateway).toBe('');
  const gatewayOf = (name: string) => networks.sandbox(containerId)?.endpoints[name]?.Gateway ?? '?';
  expect(await routesOf(namespacePath, 4)).toContain(`default via ${gatewayOf('gw-a')} dev eth0`);
  await networks.connect(containerId, { network: 'gw-b', settings: {} });
  expect(await routesOf(namespacePath, 4)).toContain(`default via ${gatewayOf('gw-b')} dev eth2`);
  expect(await routesOf(namespacePath, 6)).toContain('default via fd');
  await networks.disconnect(containerId, 'gw-a');
  expect(deviceNames(namespacePath)).toEqual(['lo', 'eth1', 'eth2']);
  await networks.connect(containerId, { network: 'gw-a', settings: { GwPriority: 1 } });
  expect(await routesOf(namespacePath, 4)).toContain(`default via ${gatewayOf('gw-a')} dev eth0`);
  expect(await routesOf(namespacePath, 6)).toContain('default via fd');
  await networks.disconnect(containerId, 'gw-a');
  await networks.disconnect(containerId, 'gw-b');
  expect(await routesOf(namespacePath, 4)).not.toContain('default');
  await expect(networks.disconnect(containerId, 'gw-b')).rejects.toThrow(
    `container ${containerId} is not connected to network gw-b`,
  );
  await expect(networks.connect(containerId, { network: 'gw-i', settings: {} })).rejects.toThrow(
    'already exists in network gw-i',
  );
  await networks.tearDown(containerId);
  expect((await networks.prune(new Map())).sort()).toEqual(['gw-a', 'gw-b', 'gw-i']);
});

test('published ports follow the gateway under their numbers', async () => {
  await made('port-a');
  await made('port-b');
  const sandbox = await networks.setUp(
    request({ ...inNetworks('port-a'), portBindings: { '80/tcp': [{ HostIp: '', HostPort: '' }] } }),
  );
  await lab.serve(sandbox.namespacePath, 80, 'ports');
  const port = sandbox.ports['80/tcp']?.[0]?.HostPort ?? '';
  expect(await lab.reach('127.0.0.1', port)).toBe('ports');
  await networks.connect(sandbox.containerId, { network: 'port-b', settings: { GwPriority: 7 } });
  expect(await lab.reach('127.0.0.1', port)).toBe('ports');
  await networks.disconnect(sandbox.containerId, 'port-a');
  expect(await lab.reach('127.0.0.1', port)).toBe('ports');
  const alone = await networks.disconnect(sandbox.containerId, 'port-b');
  expect(alone.ports).toEqual({ '80/tcp': null });
  const again = await networks.connect(sandbox.containerId, { network: 'port-a', settings: {} });
  expect(await lab.reach('127.0.0.1', again.ports['80/tcp']?.[0]?.HostPort ?? '')).toBe('ports');
  await networks.tearDown(sandbox.containerId);
  await networks.prune(new Map());
});

/** What the resolver of a container says a name is. */
async function resolved(namespacePath: string, name: string): Promise<string[]> {
  const child = lab.spawn(['busybox', 'nslookup', name, '127.0.0.11'], namespacePath);
  return [...(await child.stdout.text()).matchAll(/^Address: (?!127\.0\.0\.11)(\S+)$/gm)].map(
    ([, address = '']) => address,
  );
}

test('containers of a network find each other by name and alias, also one that came later', async () => {
  await made('named');
  const first = await networks.setUp(request({ ...inNetworks('named'), containerName: 'first' }));
  const second = await networks.setUp(request(inNetworks('bridge')));
  expect(first.hasResolver).toBe(true);
  expect(second.hasResolver).toBe(false);
  const { namespacePath, containerId } = second;
  const after = await networks.connect(containerId, { network: 'named', settings: { Aliases: ['late'] } });
  expect(after.hasResolver).toBe(true);
  expect(after.endpoints.named?.DNSNames).toEqual([expect.any(String), 'late', containerId.slice(0, 12)]);
  expect(await resolved(namespacePath, 'first')).toEqual([first.endpoints.named?.IPAddress ?? '']);
  expect(await resolved(first.namespacePath, 'late')).toEqual([after.endpoints.named?.IPAddress ?? '']);
  await networks.disconnect(containerId, 'named');
  expect(await resolved(first.namespacePath, 'late')).toEqual([]);
  for (const one of [first, second]) await networks.tearDown(one.containerId);
  await networks.remove('named');
});

test('a container is found by its name, and after a renaming by the new one', async () => {
  await made('named');
  const asker = await networks.setUp(request(inNetworks('named')));
  const found = await networks.setUp(request({ ...inNetworks('named'), containerName: 'before' }));
  const address = [found.endpoints.named?.IPAddress ?? ''];
  expect(await resolved(asker.namespacePath, 'before')).toEqual(address);
  await networks.rename(found.containerId, 'after');
  expect(await resolved(asker.namespacePath, 'after')).toEqual(address);
  expect(await resolved(asker.namespacePath, 'before')).toEqual([]);
  expect(networks.sandbox(found.containerId)?.endpoints.named?.DNSNames?.[0]).toBe('after');
  await networks.rename('one that does not run', 'x');
  for (const { containerId } of [asker, found]) await networks.tearDown(containerId);
  await networks.remove('named');
});

test('many starts and connects at once all have their own addresses', async () => {
  await networks.create({ Name: 'crowd', IPAM: { Driver: 'default', Config: [{ Subnet: '10.223.0.0/24' }] } });
  await made('beside');
  const requests = Array.from({ length: 40 }, () => request(inNetworks('crowd')));
  await Promise.all(requests.map((one) => networks.setUp(one)));
  const both = await Promise.all(
    requests.map(({ containerId }) => networks.connect(containerId, { network: 'beside', settings: {} })),
  );
  const addresses = both.flatMap(({ endpoints }) => Object.values(endpoints).map(({ IPAddress }) => IPAddress));
  expect(new Set(addresses).size).toBe(80);
  const left = await Promise.all(requests.map(({ containerId }) => networks.disconnect(containerId, 'crowd')));
  expect(left.every(({ endpoints }) => Object.keys(endpoints).length === 1)).toBe(true);
  await networks.remove('crowd');
  await Promise.all(requests.map(({ containerId }) => networks.tearDown(containerId)));
  await networks.remove('beside');
}, 60_000);

test('a bridge of the user serves as it is, and stays', async () => {
  const name = `user${Date.now() % 100_000}`;
  using route = new RouteSocket();
  route.transact(addBridge(name));
  try {
    await made('own', { Options: { 'com.docker.network.bridge.name': name } });
    await expect(made('again', { Options: { 'com.docker.network.bridge.name': name } })).rejects.toThrow(
      'networks have same bridge name',
    );
    const sandbox = await networks.setUp(request(inNetworks('own')));
    await lab.serve(sandbox.namespacePath, 80, 'own');
    expect(await lab.reach(sandbox.endpoints.own?.IPAddress ?? '', 80)).toBe('own');
    await networks.tearDown(sandbox.containerId);
    await networks.remove('own');
    const { index, alias } = route.link(name);
    expect(alias).toBe('');
    expect(route.addresses().some(({ linkIndex }) => linkIndex === index)).toBe(false);
  } finally {
    route.transact(deleteLink(name));
  }
});
