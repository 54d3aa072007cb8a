import type { Family, Field } from './facts.ts';
import type { FirewallState } from './state.ts';

/** What differs between the tables of the two families. */
export const familyWords = {
  ip: { address: 'ipv4_addr', icmp: 1, loopback: '127.0.0.0/8', aside: '127.0.0.0/8' },
  // What is sent to an address of the link alone cannot be passed on: it is left to the forwarder, as loopback is.
  ip6: { address: 'ipv6_addr', icmp: 58, loopback: '::1', aside: '{ ::1, fe80::/10 }' },
} as const;

/** What internal networks send to ports that the forwarder has. */
export const guardedForwarder = 'iifname @internal fib daddr type local meta l4proto . th dport @forwarded';

/** The rules for what is sent to the host itself: where a published port leads to, first those of one address. */
export const publishRules = {
  published_address: (family: Family) =>
    `dnat ${family} to ${family} daddr . meta l4proto . th dport map @published_address`,
  published_any: (family: Family) => `dnat ${family} to meta l4proto . th dport map @published_any`,
} as const;

/** A packet that the host passes on, as the rules see it: after its destination may have been translated. */
export interface ForwardedPacket {
  readonly family: Family;
  /** Devices that it comes from and goes to; the bridge where it is one. */
  readonly from: string;
  readonly to: string;
  readonly protocol: 'tcp' | 'udp' | 'sctp' | 'icmp';
  readonly destination: string;
  /** 0 for ICMP. */
  readonly port: number;
  /** Whether it was sent to a published port of the host. */
  readonly isTranslated: boolean;
  /** Whether it belongs to a connection that was allowed. */
  readonly isAnswer: boolean;
}

/** Whether an element is in one of the sets. */
export type Lookup = (set: string, ...key: readonly Field[]) => boolean;

/** One rule for what is passed on: the same in the language of nft(8), as a function, and in words. */
export interface ForwardRule {
  readonly match: (family: Family) => string;
  readonly applies: (packet: ForwardedPacket, has: Lookup) => boolean;
  readonly verdict: 'accept' | 'drop';
  readonly reason: string;
}

function service(family: Family): string {
  return `${family} daddr . meta l4proto . th dport`;
}

function isOpen({ protocol, destination, port }: ForwardedPacket, has: Lookup): boolean {
  return protocol !== 'icmp' && has('open', { address: destination }, { protocol }, { port });
}

const commonRules: readonly ForwardRule[] = [
  {
    match: () => 'iifname != @bridges oifname != @bridges',
    applies: ({ from, to }, has) => !has('bridges', { device: from }) && !has('bridges', { device: to }),
    verdict: 'accept',
    reason: 'it neither comes from a container nor goes to one',
  },
  {
    match: () => 'ct state established,related',
    applies: ({ isAnswer }) => isAnswer,
    verdict: 'accept',
    reason: 'it belongs to a connection that was allowed',
  },
  {
    match: () => 'iifname . oifname @inside',
    applies: ({ from, to }, has) => has('inside', { device: from }, { device: to }),
    verdict: 'accept',
    reason: 'both are in one network, whose containers reach each other',
  },
  {
    match: () => 'iifname @internal',
    applies: ({ from }, has) => has('internal', { device: from }),
    verdict: 'drop',
    reason: 'it comes from an internal network, or from one without this family of addresses: nothing leaves it',
  },
  {
    match: () => 'oifname @internal',
    applies: ({ to }, has) => has('internal', { device: to }),
    verdict: 'drop',
    reason: 'it goes to an internal network, or to one without this family of addresses: nothing enters it',
  },
  {
    match: () => 'ct status dnat',
    applies: ({ isTranslated }) => isTranslated,
    verdict: 'accept',
    reason: 'it was sent to a published port',
  },
  {
    match: () => 'oifname != @bridges',
    applies: ({ to }, has) => !has('bridges', { device: to }),
    verdict: 'accept',
    reason: 'it leaves the host',
  },
  {
    match: (family) => `oifname @routed meta l4proto ${familyWords[family].icmp}`,
    applies: ({ to, protocol }, has) => protocol === 'icmp' && has('routed', { device: to }),
    verdict: 'accept',
    reason: 'containers of a routed network can be pinged',
  },
  {
    match: (family) => `oifname @routed ${service(family)} @open`,
    applies: (packet, has) => has('routed', { device: packet.to }) && isOpen(packet, has),
    verdict: 'accept',
    reason: 'the port of a container of a routed network is published',
  },
  {
    match: () => 'iifname @bridges',
    applies: ({ from }, has) => has('bridges', { device: from }),
    verdict: 'drop',
    reason: 'networks do not reach each other, nor do the containers of one that keeps them apart (icc)',
  },
  {
    match: () => 'oifname @unprotected',
    applies: ({ to }, has) => has('unprotected', { device: to }),
    verdict: 'accept',
    reason: 'all ports of the network are open (nat-unprotected)',
  },
  {
    match: (family) => `iifname . oifname @trusted ${service(family)} @open`,
    applies: (packet, has) => has('trusted', { device: packet.from }, { device: packet.to }) && isOpen(packet, has),
    verdict: 'accept',
    reason: 'it comes from a trusted interface, to a port that is published',
  },
  {
    match: () => '',
    applies: () => true,
    verdict: 'drop',
    reason: 'from outside only published ports are reached, by an address of the host',
  },
];

/** The rules before the one for packets that the administrator has marked. */
const rulesBeforeMark = 2;

/**
 * The rules of the chain `forward`, in their order; the first that applies decides. Their number does not depend on networks,
 * containers and ports.
 */
export function forwardRules({ acceptMark }: Pick<FirewallState, 'acceptMark'>): readonly ForwardRule[] {
  if (acceptMark === undefined) return commonRules;
  const { value, mask } = acceptMark;
  const marked: ForwardRule = {
    match: () => `meta mark & ${mask} == ${value}`,
    // Who is marked only the administrator's own rules know.
    applies: () => false,
    verdict: 'accept',
    reason: 'the administrator has marked it',
  };
  return [...commonRules.slice(0, rulesBeforeMark), marked, ...commonRules.slice(rulesBeforeMark)];
}
