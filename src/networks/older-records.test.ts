import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { openRecords } from '#store';
import type { EndpointRecord, NetworkRecord, SandboxRecord } from './record.ts';
import { endpointSettings } from './sandbox/present.ts';
import { addressOf, Lab, request } from './testing/lab.ts';

interface AnyRecord {
  readonly id: string;
}

/** Writes the records of a directory as the first engines had them: one bridge, one endpoint, the rules' ports beside. */
function age(directory: string): void {
  using records = openRecords(join(directory, 'records.db'));
  const networks = records.collection<NetworkRecord>('networks');
  const aged = records.collection<AnyRecord>('networks');
  for (const { id, name, driver, created, device, ipam } of [...networks.all()]) {
    const [pool] = ipam.pools;
    const bridge = pool && { device: device?.name, subnet: pool.subnet, gateway: pool.gateway, mtu: 1500 };
    aged.put({ id, ...{ name, driver, created, ...(bridge && { bridge }) } });
  }
  const sandboxes = records.collection<SandboxRecord>('sandboxes');
  const older = records.collection<AnyRecord>('sandboxes');
  for (const { id, containerName, namespacePath, endpoints, ports } of [...sandboxes.all()]) {
    const [endpoint] = endpoints as [EndpointRecord];
    const { networkId, device, deviceIndex, mac, ipv4, published } = endpoint;
    const attachment = { networkId, device, deviceIndex, mac, address: ipv4?.address };
    const shown = { bridge: endpointSettings(endpoint) };
    older.put({ id, ...{ containerName, namespacePath, attachment, endpoints: shown, ports, published } });
  }
}

test('a container that runs across the upgrade from an engine with one bridge keeps its network', async () => {
  await using lab = new Lab();
  const { sandboxes } = await lab.killedEngine([
    request({ portBindings: { '80/tcp': [{ HostIp: '', HostPort: '' }] } }),
  ]);
  const [alive] = sandboxes;
  if (alive === undefined) throw new Error('nothing was started');
  await lab.serve(alive.namespacePath, 80, 'alive');
  age(join(lab.root, 'engine'));
  const networks = await lab.open();
  await networks.reconcile(new Set([alive.containerId]));
  expect(networks.sandbox(alive.containerId)).toEqual(alive);
  expect(await lab.reach('127.0.0.1', alive.ports['80/tcp']?.[0]?.HostPort ?? '')).toBe('alive');
  expect(networks.inspect('bridge').Containers[alive.containerId]?.IPv4Address).toStartWith(`${addressOf(alive)}/`);
  // It is one like any other from now on.
  await networks.create({ Name: 'later', IPAM: { Driver: 'default', Config: [{ Subnet: '10.224.7.0/24' }] } });
  const after = await networks.connect(alive.containerId, { network: 'later', settings: {} });
  expect(await lab.reach(after.endpoints.later?.IPAddress ?? '', 80)).toBe('alive');
  await networks.tearDown(alive.containerId);
  await networks.remove('later');
});
