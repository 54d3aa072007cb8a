import { afterAll, beforeAll, expect, test } from 'bun:test';
import { addBridge, deleteLink, RouteSocket, setLink } from '#linux/rtnetlink';
import { newId } from '#std/identifiers';
import { deviceNames, Lab, request } from '../../testing/lab.ts';
import type { Networks } from '../../types.ts';

let lab: Lab;
let networks: Networks;
const route = new RouteSocket();
/** A wire of the host: a bridge, as real hosts have them. */
const wire = `wir${newId().slice(0, 8)}`;

beforeAll(async () => {
  route.transact(addBridge(wire), setLink({ name: wire }, { up: true }));
  lab = new Lab();
  networks = await lab.open('engine', { addressPools: [{ base: '10.215.0.0/16', size: 24 }] });
  await networks.reconcile(new Set());
});

afterAll(async () => {
  await lab[Symbol.asyncDispose]();
  route.transact(deleteLink(wire));
  route[Symbol.dispose]();
});

const inside = (...names: string[]) => ({ endpoints: names.map((network) => ({ network, settings: {} })) });

test('containers on a wire of the host reach each other, and an internal network leads nowhere', async () => {
  await networks.create({ Name: 'lan', Driver: 'macvlan', Options: { parent: wire } });
  await networks.create({ Name: 'shut', Driver: 'macvlan', Internal: true });
  const [one, other] = [
    await networks.setUp(request(inside('lan'))),
    await networks.setUp(request(inside('lan', 'shut'))),
  ];
  expect(deviceNames(other.namespacePath).sort()).toEqual(['eth0', 'eth1', 'lo']);
  await lab.serve(one.namespacePath, 80, 'on the wire');
  expect(await lab.reach(one.endpoints.lan?.IPAddress ?? '', 80, other.namespacePath)).toBe('on the wire');
  const routes = await lab.spawn(['busybox', 'ip', 'route'], other.namespacePath).stdout.text();
  expect(routes).toContain(`default via ${other.endpoints.lan?.Gateway} dev eth0`);
  expect(other.endpoints.shut?.Gateway).toBe('');
  // Macvlan devices do not show on the host; the wire that an internal network has for itself does.
  expect(() => networks.inspect('lan')).not.toThrow();
  expect(one.endpoints.lan?.DNSNames?.length).toBeGreaterThan(0);
  await networks.disconnect(other.containerId, 'shut');
  expect(deviceNames(other.namespacePath).sort()).toEqual(['eth0', 'lo']);
  for (const { containerId } of [one, other]) await networks.tearDown(containerId);
  for (const name of ['lan', 'shut']) await networks.remove(name);
  expect(route.links().filter(({ name }) => name.startsWith('dm-'))).toEqual([]);
});

const refused: [options: Record<string, string>, message: string][] = [
  [{ macvlan_mode: 'xyz' }, "requested macvlan mode 'xyz' is not valid, 'bridge' mode is the macvlan driver default"],
  [{ parent: 'lo' }, 'loopback interface is not a valid macvlan parent link'],
  [{ parent: 'nowhere0' }, 'invalid subinterface vlan name nowhere0, example formatting is eth0.10'],
  [{ parent: 'nowhere0.5000' }, 'vlan id must be between 1-4094, received: 5000'],
];
for (const [Options, message] of refused) {
  test(`macvlan with ${JSON.stringify(Options)} is refused`, async () => {
    await expect(networks.create({ Name: 'bad', Driver: 'macvlan', Options })).rejects.toThrow(message);
    expect(networks.find('bad')).toBeUndefined();
  });
}

test("a wire that all goes through is nobody else's", async () => {
  await networks.create({ Name: 'first', Driver: 'macvlan', Options: { parent: wire } });
  const passthru = { Name: 'second', Driver: 'macvlan', Options: { parent: wire, macvlan_mode: 'passthru' } };
  await expect(networks.create(passthru)).rejects.toThrow('cannot use mode passthru, macvlan network');
  await networks.remove('first');
});

test('ipvlan is refused by name where the kernel has none, and works where it has', async () => {
  const create = networks.create({ Name: 'thin', Driver: 'ipvlan', Options: { parent: wire } });
  const outcome = await create.then(
    () => 'made',
    (error: Error) => error.message,
  );
  expect(['made', 'this kernel has no ipvlan devices']).toContain(outcome);
  if (outcome === 'made') await networks.remove('thin');
});
