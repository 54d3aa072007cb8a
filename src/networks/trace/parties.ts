import { isIP } from 'node:net';
import type { NetworkTrace } from '#api';
import { hasCode } from '#linux/errno';
import { chainState } from '#linux/nftables-rules';
import type { RouteSocket } from '#linux/rtnetlink';
import { fail } from '#std/errors';
import type { NetworkCatalog } from '../catalog.ts';
import { administratorTable } from '../firewall/administrator.ts';
import { hostFilterState } from '../firewall/host-accept.ts';
import { type FirewallState, isIpv6 } from '../firewall/state.ts';
import type { EndpointRecord, SandboxRecord } from '../record.ts';
import { gatewaysIn } from '../sandbox/publishing.ts';
import { type Surroundings, type TraceQuestion, type TraceSource, trace } from './trace.ts';

/** Who sends, or who is sent to. */
export type TraceParty =
  | { readonly kind: 'container'; readonly id: string }
  | { readonly kind: 'host' }
  /** A neighbour, at the given interface of the host or the one that leads to everywhere. */
  | { readonly kind: 'outside'; readonly interface: string }
  | { readonly kind: 'address'; readonly address: string };

/** What is asked of a trace. */
export interface TraceRequest {
  readonly source: TraceParty;
  readonly target: TraceParty;
  /** 0 for ping. */
  readonly port: number;
  readonly protocol: TraceQuestion['protocol'];
  /** Whether a container is to be asked by its IPv6 address although it has one of IPv4. */
  readonly prefersIpv6: boolean;
}

/** What names are looked up in. */
export interface TraceParts {
  readonly catalog: NetworkCatalog;
  readonly route: RouteSocket;
  readonly state: () => FirewallState;
}

const somewhere = { ip: '192.0.2.1', ip6: '2001:db8::1' } as const;

/** Reads `web:80`, `web:53/udp`, `[fd00::1]:80`, and `web` alone for ping; throws `invalid-argument`. */
export function readTraceTarget(text: string): { name: string; port: number; protocol: TraceQuestion['protocol'] } {
  const [, bracketed, plain, digits, protocol] =
    /^(?:\[([^\]]+)\]|([^[\]:]+))(?::(\d{1,5})(?:\/(tcp|udp|sctp))?)?$/.exec(text) ?? [];
  const name = bracketed ?? plain ?? (isIP(text) === 6 ? text : undefined);
  const port = Number(digits ?? 0);
  if (name === undefined || port > 65535 || (digits !== undefined && port === 0)) {
    throw fail(
      'invalid-argument',
      `invalid target "${text}": it is a name or an address, then :PORT or :PORT/PROTOCOL`,
    );
  }
  if (digits === undefined) return { name, port: 0, protocol: 'icmp' };
  return { name, port, protocol: (protocol ?? 'tcp') as TraceQuestion['protocol'] };
}

function sandboxOf({ catalog }: TraceParts, id: string): SandboxRecord {
  const sandbox = catalog.sandboxes.get(id);
  if (sandbox === undefined) throw fail('conflict', `container ${id.slice(0, 12)} has no network of its own now`);
  return sandbox;
}

function sourceOf(parts: TraceParts, party: TraceParty, outInterface: string): TraceSource {
  if (party.kind === 'host') return { kind: 'host' };
  if (party.kind === 'outside') return { kind: 'outside', interface: party.interface || outInterface };
  if (party.kind === 'address') throw fail('invalid-argument', 'the sender is a container, "host" or "outside"');
  const { catalog } = parts;
  const { endpoints } = sandboxOf(parts, party.id);
  const gateways = gatewaysIn(catalog, endpoints);
  const bridged = (endpoint: EndpointRecord) => {
    const network = catalog.networks.get(endpoint.networkId);
    return network?.driver === 'bridge' ? (network.device?.name ?? '') : '';
  };
  const hasWayOut = ({ networkId }: EndpointRecord) => catalog.networks.get(networkId)?.isInternal !== true;
  return {
    kind: 'container',
    endpoints: endpoints.map((endpoint) => ({
      device: bridged(endpoint),
      ...(endpoint.ipv4 !== undefined && { ipv4: endpoint.ipv4.address }),
      ...(endpoint.ipv6 !== undefined && { ipv6: endpoint.ipv6.address }),
      isGatewayIpv4: gateways.ipv4 === endpoint && hasWayOut(endpoint),
      isGatewayIpv6: gateways.ipv6 === endpoint && hasWayOut(endpoint),
    })),
  };
}

/** The address to ask a container by: one of a network that both are in, else of the one that its ports are published in. */
function addressOf(parts: TraceParts, request: TraceRequest): string {
  const { source, target, prefersIpv6 } = request;
  if (target.kind === 'address') return target.address;
  if (target.kind === 'host') return hostAddress(parts, request);
  if (target.kind === 'outside') return somewhere[prefersIpv6 ? 'ip6' : 'ip'];
  const { endpoints } = sandboxOf(parts, target.id);
  const own = source.kind === 'container' ? sandboxOf(parts, source.id).endpoints : [];
  const shared = endpoints.filter(({ networkId }) => own.some((endpoint) => endpoint.networkId === networkId));
  const { ipv4, ipv6 } = gatewaysIn(parts.catalog, endpoints);
  const candidates = [...shared, ...[ipv4, ipv6].filter((endpoint) => endpoint !== undefined), ...endpoints];
  const families = prefersIpv6 ? (['ipv6', 'ipv4'] as const) : (['ipv4', 'ipv6'] as const);
  for (const family of families) {
    const [address] = candidates.flatMap((endpoint) => endpoint[family]?.address ?? []);
    if (address !== undefined) return address;
  }
  throw fail('conflict', 'the container has no address');
}

/** The address of the host that a sender is nearest to. */
function hostAddress(parts: TraceParts, { source, prefersIpv6 }: TraceRequest): string {
  if (source.kind === 'container') {
    const { endpoints } = sandboxOf(parts, source.id);
    const { ipv4, ipv6 } = gatewaysIn(parts.catalog, endpoints);
    const gateway = prefersIpv6 ? ipv6?.ipv6?.gateway : (ipv4?.ipv4?.gateway ?? ipv6?.ipv6?.gateway);
    if (gateway !== undefined) return gateway;
    throw fail('conflict', 'the container has no gateway: name an address of the host');
  }
  if (source.kind === 'host') return prefersIpv6 ? '::1' : '127.0.0.1';
  throw fail('invalid-argument', 'name an address of the host: which one a neighbour asks makes a difference');
}

function wayTo({ route }: TraceParts, address: string): { isLocal: boolean; device: string } {
  try {
    return route.wayTo(address);
  } catch (error) {
    // No route is there, as on a host without IPv6 to the outside.
    if (['ENETUNREACH', 'EHOSTUNREACH', 'ENETDOWN', 'EAFNOSUPPORT'].some((code) => hasCode(error, code))) {
      return { isLocal: false, device: 'nowhere' };
    }
    throw error;
  }
}

function surroundingsOf(parts: TraceParts, address: string, devices: readonly string[]): Surroundings {
  const { isLocal, device } = wayTo(parts, address);
  return {
    isHostAddress: (one) => (one === address ? isLocal : wayTo(parts, one).isLocal),
    wayOut: device,
    administratorRules: chainState('inet', administratorTable, 'forward')?.rules.length ?? 0,
    hostFilter: (family) => hostFilterState(family, devices),
  };
}

/** Answers a request in the form of the API. */
export function traceBetween(parts: TraceParts, request: TraceRequest): NetworkTrace {
  const { port, protocol } = request;
  const address = addressOf(parts, request);
  const outInterface = wayTo(parts, somewhere[isIpv6(address) ? 'ip6' : 'ip']).device;
  const source = sourceOf(parts, request.source, outInterface);
  const state = parts.state();
  const devices = state.bridges.map(({ device }) => device);
  const { passes, arrivesAt, steps } = trace(
    state,
    { source, address, port, protocol },
    surroundingsOf(parts, address, devices),
  );
  const place = arrivesAt === undefined || arrivesAt === 'host' ? (arrivesAt ?? '') : placeText(arrivesAt);
  return {
    Address: address,
    Port: port,
    Protocol: protocol,
    Passes: passes,
    ArrivesAt: place,
    Steps: steps.map(({ where, rule = '', outcome, reason }) => ({
      Where: where,
      Rule: rule,
      Outcome: outcome,
      Reason: reason,
    })),
  };
}

function placeText({ address, port }: { address: string; port: number }): string {
  if (port === 0) return address;
  return isIpv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
}
