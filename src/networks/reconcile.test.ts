import { afterEach, beforeEach, expect, test } from 'bun:test';
import { closeSync, existsSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createNetworkNamespace } from '#linux/namespaces';
import { runNftables } from '#linux/nftables';
import { addBridge, addVeth, deleteLink, RouteSocket, setLink } from '#linux/rtnetlink';
import { openRecords } from '#store';
import type { SandboxRecord } from './record.ts';
import { addressOf, deviceNames, eventually, Lab, request } from './testing/lab.ts';
import type { Sandbox } from './types.ts';

let lab: Lab;

beforeEach(() => {
  lab = new Lab();
});

afterEach(async () => {
  await lab[Symbol.asyncDispose]();
});

const published = { '80/tcp': [{ HostIp: '', HostPort: '' }] };

function ownDevices(tag: string): string[] {
  using route = new RouteSocket();
  return route
    .links()
    .map(({ name }) => name)
    .filter((name) => name.startsWith(`est${tag}`));
}

function element(sandbox: Sandbox | undefined): string {
  // Where the host has no /etc/protocols, the protocol is a number.
  return ` . ${sandbox?.ports['80/tcp']?.[0]?.HostPort} :`;
}

test('after a kill the dead are removed and the living go on', async () => {
  const { sandboxes, device, tag } = await lab.killedEngine([1, 2, 3].map(() => request({ portBindings: published })));
  const [alive, dead] = sandboxes;
  if (alive === undefined || dead === undefined) throw new Error('nothing was started');
  await lab.serve(alive.namespacePath, 80, 'alive');
  const networks = await lab.open();
  await networks.reconcile(new Set([alive.containerId]));
  expect(networks.sandbox(alive.containerId)).toEqual(alive);
  expect(networks.sandbox(dead.containerId)).toBeUndefined();
  const pins = join(lab.root, 'engine/exec/netns');
  expect(readdirSync(pins)).toEqual([alive.containerId]);
  await eventually('one device is left', () => ownDevices(tag).length === 1);
  const table = runNftables(`list table ip ${device}`);
  expect(table).toContain(element(alive));
  expect(table).not.toContain(element(dead));
  expect(await lab.reach('127.0.0.1', alive.ports['80/tcp']?.[0]?.HostPort ?? '')).toBe('alive');
  // The address of the living is not given to anybody else, and its port is held again.
  const next = await networks.setUp(request());
  expect(addressOf(next)).toBe(addressOf(dead));
  const taken = request({ portBindings: { '80/tcp': alive.ports['80/tcp'] ?? null } });
  await expect(networks.setUp(taken)).rejects.toThrow('port is already allocated');
  await networks.tearDown(alive.containerId);
});

test('what the engine had made but not yet written down is removed', async () => {
  const { device, tag } = await lab.killedEngine([]);
  const pin = join(lab.root, 'engine/exec/netns/stray');
  using route = new RouteSocket();
  using made = createNetworkNamespace(pin, () => new RouteSocket());
  const peer = { namespace: made.descriptor, name: 'eth0', mac: '02:42:00:00:00:01' };
  route.transact(addVeth({ name: `est${tag}deadbeef`, master: route.link(device).index, mtu: 1500, peer }));
  const bridge = `br-${tag}stray`;
  route.transact(addBridge(bridge), setLink({ name: bridge }, { alias: `estiba ${tag}` }));
  const networks = await lab.open();
  await networks.reconcile(new Set());
  expect(existsSync(pin)).toBe(false);
  expect(ownDevices(tag)).toEqual([]);
  expect(route.links().some(({ name }) => name === bridge)).toBe(false);
});

test('bridge, device and rules that somebody has deleted are restored', async () => {
  const { sandboxes, device } = await lab.killedEngine([request({ portBindings: published })]);
  const [alive] = sandboxes;
  if (alive === undefined) throw new Error('nothing was started');
  await lab.serve(alive.namespacePath, 80, 'alive');
  using route = new RouteSocket();
  const [own = ''] = route.links().flatMap(({ name, master }) => (master === route.link(device).index ? [name] : []));
  route.transact(deleteLink(device), deleteLink(own));
  runNftables(`delete table ip ${device}`);
  expect(deviceNames(alive.namespacePath)).toEqual(['lo']);
  const networks = await lab.open();
  await networks.reconcile(new Set([alive.containerId]));
  expect(await lab.reach(addressOf(alive), 80)).toBe('alive');
  expect(await lab.reach('127.0.0.1', alive.ports['80/tcp']?.[0]?.HostPort ?? '')).toBe('alive');
});

test('the table comes back with the next start or removal after a flush', async () => {
  const networks = await lab.open();
  const device = networks.inspect('bridge').Options['com.docker.network.bridge.name'] ?? '';
  const first = await networks.setUp(request({ portBindings: published }));
  runNftables(`delete table ip ${device}`);
  const second = await networks.setUp(request({ portBindings: published }));
  expect(runNftables(`list table ip ${device}`)).toContain(element(first));
  expect(runNftables(`list table ip ${device}`)).toContain(element(second));
  runNftables(`delete table ip ${device}`);
  await networks.tearDown(first.containerId);
  expect(runNftables(`list table ip ${device}`)).not.toContain(element(first));
  expect(runNftables(`list table ip ${device}`)).toContain(element(second));
});

test('a bridge that is deleted under the engine is made again by the next start', async () => {
  const networks = await lab.open();
  const bridge = networks.inspect('bridge');
  using route = new RouteSocket();
  route.transact(deleteLink(bridge.Options['com.docker.network.bridge.name'] ?? ''));
  const sandbox = await networks.setUp(request());
  await lab.serve(sandbox.namespacePath, 80, 'again');
  expect(await lab.reach(addressOf(sandbox), 80)).toBe('again');
});

test('engines side by side have their own bridges, subnets and tables, and leave each other alone', async () => {
  const [one, two] = await Promise.all([lab.open('one'), lab.open('two')]);
  const facts = [one, two].map((networks) => networks.inspect('bridge'));
  expect(new Set(facts.map(({ Options }) => Options['com.docker.network.bridge.name'])).size).toBe(2);
  expect(new Set(facts.map(({ IPAM }) => IPAM.Config?.[0]?.Subnet)).size).toBe(2);
  const [first, second] = [await one.setUp(request()), await two.setUp(request())];
  await lab.serve(second.namespacePath, 80, 'two');
  await one.reconcile(new Set());
  expect(one.sandbox(first.containerId)).toBeUndefined();
  expect(await lab.reach(addressOf(second), 80)).toBe('two');
  // Bridges are isolated from each other.
  const third = await one.setUp(request());
  expect(await lab.get(addressOf(second), 80, third.namespacePath)).toBeUndefined();
});

test('closing leaves nothing, and the next opening may choose anew', async () => {
  const networks = await lab.open();
  const device = networks.inspect('bridge').Options['com.docker.network.bridge.name'] ?? '';
  await networks.setUp(request({ portBindings: published }));
  await networks.close();
  using route = new RouteSocket();
  expect(route.links().some(({ name, alias }) => name === device && alias !== '')).toBe(false);
  expect(() => runNftables(`list table ip ${device}`)).toThrow('No such file or directory');
  expect(existsSync(join(lab.root, 'engine/exec/netns'))).toBe(false);
});

test("an index of the records that is another device's by now harms nobody", async () => {
  const { sandboxes, device } = await lab.killedEngine([request()]);
  using route = new RouteSocket();
  const [dead] = sandboxes;
  const { index } = route.link(device);
  const [own] = route.links().filter(({ master }) => master === index);
  if (dead === undefined || own === undefined) throw new Error('nothing was started');
  // As after a start of the host: the container's device is gone, and its index belongs to somebody's port.
  route.transact(deleteLink(own.name));
  const peer = { namespace: openSync('/proc/thread-self/ns/net', 'r'), mac: '02:42:00:00:00:01' };
  const innocent = `inno${Date.now() % 100_000}`;
  route.transact(addVeth({ name: innocent, master: index, mtu: 1500, peer: { ...peer, name: `${innocent}p` } }));
  closeSync(peer.namespace);
  route.transact(setLink({ name: `${innocent}p` }, { up: true }));
  const state = () => readFileSync(`/sys/class/net/${innocent}/brport/state`, 'utf8').trim();
  try {
    await eventually('the port forwards', () => state() === '3');
    const records = openRecords(join(lab.root, 'engine/records.db'));
    const stored = records.collection<SandboxRecord>('sandboxes');
    const record = stored.get(dead.containerId);
    if (record === undefined) throw new Error('no record');
    const deviceIndex = route.link(innocent).index;
    stored.put({ ...record, endpoints: record.endpoints.map((endpoint) => ({ ...endpoint, deviceIndex })) });
    records[Symbol.dispose]();
    const networks = await lab.open();
    await networks.reconcile(new Set());
    expect(state()).toBe('3');
  } finally {
    route.transact(deleteLink(innocent));
  }
});
