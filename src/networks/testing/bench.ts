/** Measures starts and removals: `bun src/networks/testing/bench.ts [ROUNDS]`, as root. Prints milliseconds. */
import { RouteSocket } from '#linux/rtnetlink';
import type { Networks } from '../types.ts';
import { eventually, Lab, request } from './lab.ts';

const rounds = Number(process.argv[2] ?? 30);
const ports = { '80/tcp': [{ HostIp: '', HostPort: '' }] };

function print(what: string, samples: readonly number[]): void {
  const sorted = [...samples].sort((one, other) => one - other);
  const at = (share: number): string => (sorted[Math.floor((sorted.length - 1) * share)] ?? 0).toFixed(2);
  process.stdout.write(`${what.padEnd(40)} min ${at(0)}  median ${at(0.5)}  p90 ${at(0.9)}  max ${at(1)}\n`);
}

async function timed(body: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await body();
  return performance.now() - start;
}

async function single(networks: Networks, what: string, over: Parameters<typeof request>[0]): Promise<void> {
  const [up, down]: [number[], number[]] = [[], []];
  const before = process.cpuUsage();
  for (let round = 0; round < rounds; round++) {
    const one = request(over);
    up.push(await timed(() => networks.setUp(one)));
    down.push(await timed(() => networks.tearDown(one.containerId)));
  }
  const { user, system } = process.cpuUsage(before);
  print(`${what}: set up`, up);
  print(`${what}: tear down`, down);
  process.stdout.write(`${what}: processor time of both ${((user + system) / rounds / 1000).toFixed(2)}\n`);
}

async function tenAtOnce(networks: Networks, what: string, over: Parameters<typeof request>[0]): Promise<void> {
  const [up, down]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds / 5; round++) {
    const ten = Array.from({ length: 10 }, () => request(over));
    up.push(await timed(() => Promise.all(ten.map((one) => networks.setUp(one)))));
    down.push(await timed(() => Promise.all(ten.map(({ containerId }) => networks.tearDown(containerId)))));
  }
  print(`${what}: ten set up`, up);
  print(`${what}: ten torn down`, down);
}

await using lab = new Lab();
const networks = await lab.open();
await networks.reconcile(new Set());
await single(networks, 'none', { endpoints: [{ network: 'none', settings: {} }] });
await single(networks, 'bridge', {});
await single(networks, 'one port', { portBindings: ports });
await tenAtOnce(networks, 'bridge', {});
await tenAtOnce(networks, 'one port', { portBindings: ports });
const fifty = await Promise.all(Array.from({ length: 50 }, () => networks.setUp(request({ portBindings: ports }))));
await single(networks, 'one port beside 50', { portBindings: ports });
for (const { containerId } of fifty) await networks.tearDown(containerId);
using route = new RouteSocket();
const bridge = route.link(networks.inspect('bridge').Options['com.docker.network.bridge.name'] ?? '').index;
const drained = await timed(() =>
  eventually('the kernel is done', () => !route.links().some(({ master }) => master === bridge)),
);
process.stdout.write(`the kernel has taken all devices away ${drained.toFixed(0)} later\n`);

/** One container that goes into a second network and out of it. */
async function connecting(networks: Networks): Promise<void> {
  await networks.create({ Name: 'bench-one' });
  await networks.create({ Name: 'bench-two' });
  const sandbox = await networks.setUp(request({ endpoints: [{ network: 'bench-one', settings: {} }] }));
  const [into, out]: [number[], number[]] = [[], []];
  const { containerId } = sandbox;
  for (let round = 0; round < rounds; round++) {
    into.push(await timed(() => networks.connect(containerId, { network: 'bench-two', settings: {} })));
    out.push(await timed(() => networks.disconnect(containerId, 'bench-two')));
    // The kernel is at the last one for some time yet.
    await Bun.sleep(50);
  }
  print('connect', into);
  print('disconnect', out);
  await networks.tearDown(containerId);
  await networks.prune(new Map());
}

await connecting(networks);
