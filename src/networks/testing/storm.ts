/**
 * A process for tests to kill: opens the networks of `directory`, brings them into order as if every other container had
 * ended, prints what is wrong then as one line of JSON, and goes on to start, connect, disconnect and end containers, many
 * at once, until it is killed; each step is a line of its own.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { openEvents } from '#events';
import { inNetworkNamespace } from '#linux/namespaces';
import { RouteSocket } from '#linux/rtnetlink';
import { openRecords } from '#store';
import { openNetworks } from '../open.ts';
import type { SandboxRecord } from '../record.ts';
import { request } from './lab.ts';

const [directory = ''] = process.argv.slice(2);
const names = ['storm-a', 'storm-b', 'storm-c'];
const records = openRecords(join(directory, 'records.db'));
const sandboxes = records.collection<SandboxRecord>('sandboxes');
const execRoot = join(directory, 'exec');
const addressPools = [{ base: '10.214.0.0/16', size: 24 }];
const networks = await openNetworks({ records, events: openEvents(records), execRoot, addressPools });
const live = [...sandboxes.all()].map(({ id }) => id).filter((_, index) => index % 2 === 0);
await networks.reconcile(new Set(live));
for (const Name of names) {
  if (networks.list(new Map()).some((network) => network.Name === Name)) continue;
  await networks.create({ Name, EnableIPv6: Name === 'storm-b' });
}

/** Devices of a namespace beside loopback, and whether there is a way out. */
function inside(path: string): { devices: number; hasRoute: boolean } {
  return inNetworkNamespace(path, () => {
    using route = new RouteSocket();
    const devices = route.links().length - 1;
    return { devices, hasRoute: route.hasDefaultRoute() };
  });
}

function complaintsOf(): string[] {
  const all = [...sandboxes.all()];
  using route = new RouteSocket();
  const owner = records.collection<{ id: string; tag: string }>('networks-owner').get('owner');
  const devices = route.links().filter(({ name }) => name.startsWith(`est${owner?.tag}`));
  const endpoints = all.flatMap((sandbox) => sandbox.endpoints);
  const addresses = endpoints.flatMap(({ ipv4, ipv6 }) => [ipv4?.address, ipv6?.address].filter(Boolean));
  const found: string[] = [];
  if (all.length !== live.length) found.push(`${all.length} sandboxes for ${live.length} containers`);
  if (readdirSync(join(execRoot, 'netns')).length !== all.length) found.push('namespaces are left or missing');
  if (devices.length !== endpoints.length) found.push(`${devices.length} devices for ${endpoints.length} endpoints`);
  if (new Set(addresses).size !== addresses.length) found.push('an address was given twice');
  for (const sandbox of all) {
    const { devices: count, hasRoute } = inside(sandbox.namespacePath);
    if (count !== sandbox.endpoints.length) found.push(`${count} devices inside for ${sandbox.endpoints.length}`);
    if (hasRoute !== sandbox.endpoints.length > 0) found.push(`a default route is ${hasRoute ? 'left' : 'missing'}`);
  }
  return found;
}

process.stdout.write(`${JSON.stringify({ complaints: complaintsOf(), living: live.length })}\n`);

async function lead(turn: number): Promise<void> {
  for (;;) {
    const [first = '', second = ''] = [names[turn % 3], names[(turn + 1) % 3]];
    const portBindings = turn % 2 === 0 ? { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }] } : {};
    const one = request({ endpoints: [{ network: first, settings: {} }], portBindings });
    const steps = [
      () => networks.setUp(one),
      () => networks.connect(one.containerId, { network: second, settings: { GwPriority: turn % 3 } }),
      () => networks.disconnect(one.containerId, first),
      () => networks.connect(one.containerId, { network: first, settings: {} }),
      async () => (sandboxes.size > 20 ? networks.tearDown(one.containerId) : undefined),
    ];
    for (const step of steps) {
      await step();
      process.stdout.write('step\n');
    }
  }
}

await Promise.all(Array.from({ length: 6 }, (_, turn) => lead(turn)));
