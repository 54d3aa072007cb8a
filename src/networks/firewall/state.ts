import type { PublishedPort } from '../record.ts';

/**
 * How packets from outside reach a network's containers, as Docker names it: `nat` by published ports of the host alone;
 * `nat-unprotected` at all ports of their own addresses too; `routed` at published ports of their own addresses, nothing is
 * translated; `isolated` not at all, and the bridge has no address on the host.
 */
export type GatewayMode = 'nat' | 'nat-unprotected' | 'routed' | 'isolated';

/** What the rules have to know of one family of addresses of a bridge network. */
export interface FamilyRules {
  /** In CIDR form: `172.18.0.0/16`, `fd00:1::/64`. */
  readonly subnet: string;
  readonly gateway?: string;
  readonly mode: GatewayMode;
  /** Address that packets leave the host from, in place of the one of the interface they leave by. */
  readonly source?: string;
}

/** What the rules have to know of one bridge network. */
export interface BridgeRules {
  /** Name of the bridge device. */
  readonly device: string;
  readonly ipv4?: FamilyRules;
  readonly ipv6?: FamilyRules;
  /** Nothing enters or leaves. */
  readonly isInternal: boolean;
  /** Whether containers reach each other. */
  readonly icc: boolean;
  /** Whether packets leave the host with an address of the host, in the modes that translate. */
  readonly masquerade: boolean;
  /** Interfaces of the host whose packets reach published ports at the containers' own addresses. */
  readonly trustedInterfaces?: readonly string[];
}

/** A published port, and the address that it leads to. */
export interface Redirection {
  readonly port: PublishedPort;
  /** The bridge behind which the address is. */
  readonly device: string;
  readonly address: string;
}

/** A mark of packets (`meta mark`), by which the administrator has them pass whatever the engine's rules say. */
export interface AcceptMark {
  readonly value: number;
  readonly mask: number;
}

/** What the rules should say, whole. */
export interface FirewallState {
  readonly acceptMark?: AcceptMark;
  readonly bridges: readonly BridgeRules[];
  readonly redirections: readonly Redirection[];
}

/** Where an endpoint's ports lead to. */
export interface PortTarget {
  readonly device: string;
  readonly ipv4?: string;
  readonly ipv6?: string;
}

/** Reads `1`, `0x10` or `0x1/0x3`, the latter with a mask; undefined for what is none. */
export function readMark(text: string): AcceptMark | undefined {
  const number = /^(?:0x[0-9a-f]{1,8}|\d{1,10})$/i;
  const [value = '', mask = '0xffffffff', ...more] = text.split('/');
  if (!number.test(value) || !number.test(mask) || more.length > 0) return undefined;
  const mark = { value: Number(value), mask: Number(mask) };
  const fits = mark.value <= 0xffff_ffff && mark.mask <= 0xffff_ffff && mark.mask > 0;
  return fits && (mark.value & ~mark.mask) === 0 ? mark : undefined;
}

/** Whether an address, or a subnet, is IPv6. */
export function isIpv6(address: string): boolean {
  return address.includes(':');
}

/** The redirections that an endpoint's published ports are: each to the address of its own family where there is one. */
export function redirectionsOf(published: readonly PublishedPort[], target: PortTarget): Redirection[] {
  const { device, ipv4, ipv6 } = target;
  return published.flatMap((port) => {
    const address = isIpv6(port.hostAddress) ? (ipv6 ?? ipv4) : (ipv4 ?? ipv6);
    return address === undefined ? [] : [{ port, device, address }];
  });
}
