import type { SetElement } from '#linux/nftables-elements';
import { addressBytes } from '#linux/socket-address';
import { lastOf, parsePrefix } from '../addresses/ip.ts';
import type { PublishedPort } from '../record.ts';
import { type BridgeRules, type FamilyRules, isIpv6, type Redirection } from './state.ts';

/** The family of addresses that a table is for. */
export type Family = 'ip' | 'ip6';

/** Both families. */
export const families: readonly Family[] = ['ip', 'ip6'];

const protocolNumbers = { tcp: 6, udp: 17, sctp: 132 } as const;

/** One value of a key or of what it leads to. */
export type Field =
  | { readonly device: string }
  | { readonly address: string }
  | { readonly protocol: keyof typeof protocolNumbers }
  | { readonly port: number };

/** Something that the rules look up: an element of one of the sets and maps of `ruleset.ts`. */
export interface Fact {
  readonly family: Family;
  readonly set: string;
  /** A subnet in CIDR form, or a concatenation of values. */
  readonly key: string | readonly Field[];
  readonly data?: readonly Field[];
}

const familyBits: Readonly<Record<Family, number>> = { ip: 32, ip6: 128 };
const deviceNameBytes = 16;

function valueBytes(value: bigint, bits: number): Buffer {
  return Buffer.from(value.toString(16).padStart(bits / 4, '0'), 'hex');
}

function fieldBytes(field: Field): Buffer {
  const bytes = Buffer.alloc('device' in field ? deviceNameBytes : 4);
  if ('address' in field) return addressBytes(field.address);
  if ('device' in field) bytes.write(field.device);
  else if ('protocol' in field) bytes.writeUInt8(protocolNumbers[field.protocol]);
  else bytes.writeUInt16BE(field.port);
  return bytes;
}

/** One value in the language of nft(8). */
export function fieldText(field: Field): string {
  if ('device' in field) return `"${field.device}"`;
  if ('address' in field) return field.address;
  return String('protocol' in field ? protocolNumbers[field.protocol] : field.port);
}

function concatenated(fields: readonly Field[]): string {
  return fields.map(fieldText).join(' . ');
}

/** A fact in the language of nft(8). */
export function factText({ key, data }: Fact): string {
  const left = typeof key === 'string' ? key : concatenated(key);
  return data === undefined ? left : `${left} : ${concatenated(data)}`;
}

/** A fact as the kernel takes it: a range is two elements, its first key and the first one behind it. */
export function factElements({ family, set, key, data }: Fact): SetElement[] {
  const value = data === undefined ? {} : { data: Buffer.concat(data.map(fieldBytes)) };
  if (typeof key !== 'string') return [{ family, set, key: Buffer.concat(key.map(fieldBytes)), ...value }];
  const bits = familyBits[family];
  const range = parsePrefix(key);
  const behind = lastOf(range) + 1n;
  const start = { family, set, key: valueBytes(range.base, bits), ...value };
  if (behind >> BigInt(bits) !== 0n) return [start];
  return [start, { family, set, key: valueBytes(behind, bits), isEnd: true }];
}

function isTranslated({ mode }: FamilyRules): boolean {
  return mode === 'nat' || mode === 'nat-unprotected';
}

function rulesOf(bridge: BridgeRules, family: Family): FamilyRules | undefined {
  return family === 'ip' ? bridge.ipv4 : bridge.ipv6;
}

function factsOfFamily(bridge: BridgeRules, family: Family): Fact[] {
  const { device, isInternal, icc, masquerade, trustedInterfaces = [] } = bridge;
  const own = [{ device }];
  const facts: Fact[] = [{ family, set: 'bridges', key: own }];
  if (icc) facts.push({ family, set: 'inside', key: [...own, ...own] });
  const rules = rulesOf(bridge, family);
  // A family that the network has not does not leave it either.
  if (isInternal || rules === undefined || rules.mode === 'isolated') {
    facts.push({ family, set: 'internal', key: own });
    return facts;
  }
  const { subnet, mode, source } = rules;
  facts.push({ family, set: 'subnets', key: subnet });
  if (mode === 'nat-unprotected') facts.push({ family, set: 'unprotected', key: own });
  if (mode === 'routed') facts.push({ family, set: 'routed', key: own });
  if (isTranslated(rules) && masquerade) {
    if (source === undefined) facts.push({ family, set: 'masqueraded', key: subnet });
    else facts.push({ family, set: 'sources', key: subnet, data: [{ address: source }] });
  }
  for (const trusted of trustedInterfaces) facts.push({ family, set: 'trusted', key: [{ device: trusted }, ...own] });
  return facts;
}

/** All facts of a bridge network. */
export function bridgeFacts(bridge: BridgeRules): Fact[] {
  return families.flatMap((family) => factsOfFamily(bridge, family));
}

/** Where the host itself is asked: by rules when it is a redirection within one family, save for IPv6's loopback. */
function isRuled({ hostAddress }: PublishedPort, address: string): boolean {
  return isIpv6(hostAddress) === isIpv6(address) && hostAddress !== '::1';
}

/**
 * All facts of a published port, given its bridge: the redirection, where the container's own address may be asked directly
 * the port there, and what the forwarder has.
 */
export function redirectionFacts(bridge: BridgeRules | undefined, { port, address }: Redirection): Fact[] {
  const { protocol, hostAddress, hostPort, containerPort } = port;
  const key: Field[] = [{ protocol }, { port: hostPort }];
  const forwarded: Fact[] =
    hostAddress === '::' && hostPort !== 0 && protocol !== 'sctp' ? [{ family: 'ip6', set: 'forwarded', key }] : [];
  if (!isRuled(port, address)) return forwarded;
  const family = isIpv6(address) ? 'ip6' : 'ip';
  const rules = bridge && rulesOf(bridge, family);
  const direct: Fact = { family, set: 'open', key: [{ address }, { protocol }, { port: containerPort }] };
  if (rules?.mode === 'routed') return [direct];
  const isAny = hostAddress === '0.0.0.0' || hostAddress === '::';
  const redirection: Fact = {
    family,
    set: isAny ? 'published_any' : 'published_address',
    key: isAny ? key : [{ address: hostAddress }, ...key],
    data: [{ address }, { port: containerPort }],
  };
  return [redirection, ...forwarded, ...((bridge?.trustedInterfaces?.length ?? 0) > 0 ? [direct] : [])];
}

/** Facts without those that are there twice: two ports of the host may lead to one of a container. */
export function distinctFacts(facts: readonly Fact[]): Fact[] {
  return [...new Map(facts.map((fact) => [`${fact.family} ${fact.set} ${factText(fact)}`, fact])).values()];
}
