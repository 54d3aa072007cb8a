import { isIP } from 'node:net';
import { type AddressPool, type DefaultBridgeSettings, type NetworkSettings, readMark } from '#networks';
import { fail } from '#std/errors';
import type { Values } from './read.ts';

function refuse(message: string): Error {
  return fail('invalid-argument', message);
}

function isCidr(text: string, family: 4 | 6): boolean {
  const [, address = '', length = ''] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  return isIP(address) === family && Number(length) >= 1 && Number(length) <= (family === 4 ? 32 : 128);
}

const ranges = [
  ['bip', 4],
  ['fixed-cidr', 4],
  ['bip6', 6],
  ['fixed-cidr-v6', 6],
] as const;

function checkPool({ base, size }: AddressPool): void {
  const family = base.includes(':') ? 6 : 4;
  if (!isCidr(base, family)) throw refuse(`default-address-pools: invalid base pool ${JSON.stringify(base)}`);
  const [, length = ''] = base.split('/');
  if (size < Number(length) || size > (family === 4 ? 32 : 128)) {
    throw refuse(`default-address-pools: invalid pool size ${size} for base pool ${base}`);
  }
}

/** Checks what the settings say of networks; throws `invalid-argument`. */
export function checkNetworks(values: Values): void {
  for (const [name, family] of ranges) {
    const text = values.text(name);
    if (text !== undefined && !isCidr(text, family)) throw refuse(`invalid CIDR address: ${text}`);
  }
  const host = values.text('ip');
  if (host !== undefined && isIP(host) !== 4) throw refuse(`invalid IP address: ${host}`);
  const names6 = ranges.flatMap(([name, family]) => (family === 6 && values.text(name) !== undefined ? [name] : []));
  if (names6.length > 0 && values.flag('ipv6') !== true) throw refuse(`${names6[0]} needs ipv6`);
  for (const pool of values.list<AddressPool>('default-address-pools')) checkPool(pool);
  const mark = values.text('bridge-accept-fwmark');
  if (mark !== undefined && readMark(mark) === undefined) {
    throw refuse(`invalid firewall mark ${JSON.stringify(mark)}: it is MARK or MARK/MASK`);
  }
}

function defaultBridge(values: Values): DefaultBridgeSettings {
  const texts = {
    subnet: values.text('bip'),
    range: values.text('fixed-cidr'),
    subnetV6: values.text('bip6'),
    rangeV6: values.text('fixed-cidr-v6'),
    hostAddress: values.text('ip'),
  };
  const mtu = values.number('mtu');
  const flags = { icc: values.flag('icc'), masquerade: values.flag('ip-masq'), enableIpv6: values.flag('ipv6') };
  const all = { ...texts, ...flags, mtu: mtu === 0 ? undefined : mtu };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** What the settings say of networks. */
export function networkSettings(values: Values): NetworkSettings {
  const acceptMark = readMark(values.text('bridge-accept-fwmark') ?? '');
  return {
    ...(acceptMark !== undefined && { acceptMark }),
    bridge: defaultBridge(values),
    addressPools: values.list<AddressPool>('default-address-pools'),
    driverOptions: values.record<Readonly<Record<string, string>>>('default-network-opts'),
  };
}
