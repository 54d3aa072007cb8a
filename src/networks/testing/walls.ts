/**
 * A scenario for a network namespace of its own: networks of every kind, with packets sent from everywhere to everywhere,
 * each beside what `trace` foretells. Writes all of it, as JSON, to the file named by its argument.
 */
import { writeFileSync } from 'node:fs';
import { createFirewall } from '../firewall/firewall.ts';
import { type BridgeRules, type FirewallState, type GatewayMode, isIpv6, redirectionsOf } from '../firewall/state.ts';
import { PortAllocator } from '../ports/allocator.ts';
import { type TraceSource, trace } from '../trace/trace.ts';
import { eventually, loopbackBy } from './lab.ts';
import { type Place, Yard } from './yard.ts';

function network(device: string, number: number, mode: GatewayMode, over: Partial<BridgeRules> = {}): BridgeRules {
  const [v4, v6] = [`10.${number}.0`, `fd00:${number}::`];
  return {
    device,
    ipv4: { subnet: `${v4}.0/24`, gateway: `${v4}.1`, mode },
    ipv6: { subnet: `${v6}/64`, gateway: `${v6}1`, mode },
    isInternal: false,
    icc: true,
    masquerade: true,
    ...over,
  };
}

const networks = {
  nat: network('nat0', 1, 'nat'),
  other: network('other0', 2, 'nat', { trustedInterfaces: ['friend0'] }),
  open: network('open0', 3, 'nat-unprotected'),
  routed: network('routed0', 4, 'routed'),
  internal: network('internal0', 5, 'nat', { isInternal: true }),
  plain: network('plain0', 6, 'nat', { masquerade: false }),
  apart: network('apart0', 7, 'nat', { icc: false }),
};
const publishedPort = 80;
const hiddenPort = 81;
const localPort = 82;

using yard = new Yard();
const state: { bridges: BridgeRules[]; redirections: FirewallState['redirections'] } = {
  // One of them has IPv4 alone.
  bridges: Object.values(networks).map(({ ipv6, ...rest }) =>
    ipv6 === undefined || rest.device === 'plain0' ? rest : { ...rest, ipv6 },
  ),
  redirections: [],
};
for (const bridge of state.bridges) yard.bridge(bridge);
const containers = Object.keys(networks).flatMap((name, index) =>
  [2, 3].flatMap((number) => yard.container(`${name}${number}`, state.bridges[index] as BridgeRules, number)),
);
const world = yard.outside('world', 'world0', 100);
const friend = yard.outside('friend', 'friend0', 101);
for (const place of containers) {
  for (const port of [publishedPort, hiddenPort, localPort]) yard.serve(place, `${place.name}:${port}`, port);
}
yard.serve(world, 'world', 9000);

const firewall = createFirewall('walls', () => state);
firewall.rebuild();
const allocator = new PortAllocator({ first: 30_000, last: 40_000 });
const hostPorts = new Map<string, number>();
for (const [index, place] of containers.entries()) {
  const bridge = state.bridges.find(({ device }) => device === place.device);
  if (bridge === undefined || bridge.isInternal) continue;
  const target = {
    device: place.device,
    ...(place.ipv4 !== '' && { ipv4: place.ipv4 }),
    ...(place.ipv6 !== '' && { ipv6: place.ipv6 }),
    modes: { ...(bridge.ipv4 && { ipv4: bridge.ipv4.mode }), ...(bridge.ipv6 && { ipv6: bridge.ipv6.mode }) },
  };
  const number = 8000 + index;
  const asked = (hostAddress: string, port: number, containerPort: number) => ({
    ...{ protocol: 'tcp' as const, containerPort, hostAddress, hostPorts: { first: port, last: port } },
  });
  const ports = await allocator.allocate(
    [
      asked('', number, publishedPort),
      asked('127.0.0.1', number + 100, localPort),
      asked('::1', number + 200, localPort),
    ],
    target,
  );
  hostPorts.set(place.name, number);
  const redirections = redirectionsOf(ports, target);
  state.redirections = [...state.redirections, ...redirections];
  firewall.publish(redirections);
}

/** Addresses of the host, by which published ports are asked for. */
const hostAddresses = [
  '127.0.0.1',
  '::1',
  '198.51.100.1',
  '2001:db8:100::1',
  '10.1.0.1',
  'fd00:1::1',
  '10.5.0.1',
  'fd00:5::1',
];

function sourceOf(place: Place | undefined): TraceSource {
  if (place === undefined) return { kind: 'host' };
  if (!containers.includes(place)) return { kind: 'outside', interface: place.device };
  const { device, ipv4, ipv6 } = place;
  const isGateway = state.bridges.find((bridge) => bridge.device === device)?.isInternal !== true;
  const addresses = { ...(ipv4 !== '' && { ipv4 }), ...(ipv6 !== '' && { ipv6 }) };
  return {
    kind: 'container',
    endpoints: [{ device, ...addresses, isGatewayIpv4: isGateway, isGatewayIpv6: isGateway }],
  };
}

const gateways = state.bridges.flatMap(({ ipv4, ipv6 }) => [ipv4?.gateway, ipv6?.gateway]);

interface Case {
  readonly what: string;
  /** Who answers, and to which address, as `trace` has it. */
  readonly foretold: string | undefined;
  readonly because: string;
  readonly answer: string | undefined;
}

async function probe(from: Place | undefined, address: string, port: number): Promise<Case> {
  const told = trace(
    state,
    { source: sourceOf(from), address, port, protocol: 'tcp' },
    {
      isHostAddress: (one) => gateways.includes(one) || hostAddresses.includes(one) || /^198\.51\.\d+\.1$/.test(one),
      wayOut: 'world0',
      administratorRules: 0,
      hostFilter: () => undefined,
    },
  );
  const arrives = told.passes && told.arrivesAt !== 'host';
  const at = arrives && typeof told.arrivesAt === 'object' ? told.arrivesAt : undefined;
  const who = containers.find(({ ipv4, ipv6 }) => at !== undefined && [ipv4, ipv6].includes(at.address));
  const answer = arrives ? await yard.reach(from, address, port) : await yard.ask(from, address, port);
  const host = isIpv6(address) ? `[${address}]` : address;
  return {
    what: `${from?.name ?? 'host'} -> ${host}:${port}`,
    foretold: at && (who === undefined ? 'world' : `${who.name}:${at.port}`),
    because: told.steps.at(-1)?.reason ?? '',
    answer,
  };
}

const targets: [string, number][] = containers.flatMap((place) => {
  if (!place.name.endsWith('2')) return [];
  const port = hostPorts.get(place.name);
  const own = [place.ipv4, place.ipv6].filter((address) => address !== '');
  const direct = own.flatMap((address): [string, number][] => [
    [address, publishedPort],
    [address, hiddenPort],
  ]);
  const isRouted = place.device === 'routed0';
  if (port === undefined || isRouted) return direct;
  return [
    ...direct,
    ...hostAddresses.map((address): [string, number] => [address, port]),
    ['127.0.0.1', port + 100] as [string, number],
    ['198.51.100.1', port + 100] as [string, number],
    ['::1', port + 200] as [string, number],
    ['2001:db8:100::1', port + 200] as [string, number],
  ];
});
const askers = [undefined, world, friend, ...containers];
const isOwnLoopback = (asker: Place | undefined, address: string) => asker !== undefined && /^(127|::1)/.test(address);
const questions = askers.flatMap((asker) => [
  ...targets.flatMap(([address, port]) => (isOwnLoopback(asker, address) ? [] : [{ asker, address, port }])),
  ...(containers.includes(asker as Place) ? [{ asker, address: world.ipv4, port: 9000 }] : []),
]);
const cases = await Promise.all(questions.map(({ asker, address, port }) => probe(asker, address, port)));

// A neighbour that knows the way: packets for a loopback address, to a host that would take them from its link.
writeFileSync('/proc/sys/net/ipv4/conf/world0/route_localnet', '1');
const takeFrom = (port: number): Promise<string> =>
  yard.run(world, `printf x | busybox nc -w 1 127.0.0.1 ${port} 2>/dev/null`);
const [nat2, , , other3] = containers;
const byName = (name: string) => containers.find((place) => place.name === name);
const pings = [
  [undefined, byName('nat2')?.ipv4],
  [undefined, byName('nat2')?.ipv6],
  [byName('nat3'), byName('nat2')?.ipv6],
  [other3, byName('routed2')?.ipv4],
  [world, byName('routed2')?.ipv6],
  [other3, nat2?.ipv4],
  [world, nat2?.ipv6],
  [world, byName('internal2')?.ipv4],
] as const;
const answeredPings = 5;
const pinged = await Promise.all(
  pings.map(([from, address = ''], index) =>
    // On a busy machine the first answer may come too late.
    index < answeredPings
      ? eventually(`a ping of ${address}`, () => yard.ping(from, address))
      : yard.ping(from, address),
  ),
);
await yard.run(world, loopbackBy('198.51.100.1'));
// What is the host's own is to be had that way: were the published port, it would be.
yard.serve(undefined, 'host', 9001);
const reached = await eventually('an answer of the host', () => takeFrom(9001));
const stolen = await takeFrom(8000 + 100);
const internal2 = byName('internal2');
const hosts = await Promise.all(['10.5.0.1', 'fd00:5::1'].map((address) => yard.reach(internal2, address, 9001)));
writeFileSync(process.argv[2] ?? '', JSON.stringify({ cases, pinged, reached, stolen, hosts }));
firewall.remove(state.bridges);
yard[Symbol.dispose]();
process.exit(0);
