import { isIP } from 'node:net';
import { fail } from '#std/errors';
import { type Family, familyOf } from '../../addresses/ip.ts';
import type { GatewayMode } from '../../firewall/state.ts';
import type { NetworkRecord } from '../../record.ts';

const prefix = 'com.docker.network.';

/** What a bridge network's options say. */
export interface BridgeOptions {
  /** Name of the device; undefined for one that follows from the network's id. */
  readonly device?: string;
  readonly isDefault: boolean;
  readonly mtu: number;
  readonly icc: boolean;
  readonly masquerade: boolean;
  /** Leave the host's IPv4 address away from the bridge. */
  readonly inhibitIpv4: boolean;
  readonly modes: Readonly<Record<Family, GatewayMode>>;
  /** Where ports are published that name no address. */
  readonly hostBinding?: string;
  /** Interfaces of the host from which containers may be reached directly. */
  readonly trustedInterfaces: readonly string[];
  /** Source address of what goes out, in place of the host's own choice. */
  readonly sources: Readonly<Partial<Record<Family, string>>>;
  readonly interfacePrefix: string;
}

const defaultMtu = 1500;
const modes: readonly GatewayMode[] = ['nat', 'nat-unprotected', 'routed', 'isolated'];

function refuse(name: string, value: string, reason: string): Error {
  return fail('invalid-argument', `failed to parse ${name} value: ${value} (${reason})`);
}

function readBoolean(name: string, value: string): boolean {
  if (/^(?:1|t|T|TRUE|true|True)$/.test(value)) return true;
  if (/^(?:0|f|F|FALSE|false|False)$/.test(value)) return false;
  throw refuse(name, value, `strconv.ParseBool: parsing ${JSON.stringify(value)}: invalid syntax`);
}

function readMode(name: string, value: string): GatewayMode {
  const mode = modes.find((one) => one === value);
  if (value === '') return 'nat';
  if (mode === undefined) throw refuse(name, value, `unknown gateway mode ${value}`);
  return mode;
}

function readAddress(name: string, value: string): string {
  if (isIP(value) === 0) throw refuse(name, value, 'nil ip');
  return value;
}

function readMtu(name: string, value: string): number {
  if (!/^[+-]?\d+$/.test(value)) {
    throw refuse(name, value, `strconv.Atoi: parsing ${JSON.stringify(value)}: invalid syntax`);
  }
  if (Number(value) < 0) throw fail('invalid-argument', `invalid MTU number: ${value}`);
  // Zero is the default of the kernel, as it is when nothing is said.
  return Number(value) || defaultMtu;
}

/** Any name that needs no quotes anywhere. How long it may be the kernel says. */
function readDevice(_: string, value: string): string {
  if (value !== '' && !/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(value)) throw fail('internal', 'invalid argument');
  return value;
}

/** Reads a network's options; throws in Docker's words. Those of other names are kept, and mean nothing. */
export function readBridgeOptions({ options }: Pick<NetworkRecord, 'options'>): BridgeOptions {
  function option<T>(name: string, read: (name: string, value: string) => T): T | undefined {
    const value = options[`${prefix}${name}`];
    return value === undefined ? undefined : read(`${prefix}${name}`, value);
  }
  const text = (_: string, value: string): string => value;
  const device = option('bridge.name', readDevice) ?? '';
  const hostBinding = option('bridge.host_binding_ipv4', readAddress);
  const source4 = option('host_ipv4', readAddress);
  const source6 = option('host_ipv6', readAddress);
  const trusted = option('bridge.trusted_host_interfaces', text) ?? '';
  return {
    ...(device !== '' && { device }),
    isDefault: option('bridge.default_bridge', readBoolean) ?? false,
    mtu: option('driver.mtu', readMtu) ?? defaultMtu,
    icc: option('bridge.enable_icc', readBoolean) ?? true,
    masquerade: option('bridge.enable_ip_masquerade', readBoolean) ?? true,
    inhibitIpv4: option('bridge.inhibit_ipv4', readBoolean) ?? false,
    modes: {
      4: option('bridge.gateway_mode_ipv4', readMode) ?? 'nat',
      6: option('bridge.gateway_mode_ipv6', readMode) ?? 'nat',
    },
    ...(hostBinding !== undefined && { hostBinding }),
    trustedInterfaces: trusted.split(':').filter((name) => name !== ''),
    sources: {
      ...(source4 !== undefined && familyOf(source4) === 4 && { 4: source4 }),
      ...(source6 !== undefined && familyOf(source6) === 6 && { 6: source6 }),
    },
    interfacePrefix: option('container_iface_prefix', text) || 'eth',
  };
}
