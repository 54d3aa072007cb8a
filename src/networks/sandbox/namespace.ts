import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { normalize } from 'node:path';
import { hasCode } from '#linux/errno';
import {
  createNetworkNamespace,
  deleteNetworkNamespace,
  inNetworkNamespace,
  type NewNetworkNamespace,
} from '#linux/namespaces';
import {
  addAddress,
  addDefaultRoute,
  addVeth,
  disablePort,
  enableHairpin,
  RouteSocket,
  replaceForwarding,
  setLink,
} from '#linux/rtnetlink';
import { fail, messageOf } from '#std/errors';
import type { AttachmentRecord } from '../record.ts';

/** How a container is attached to a bridge. */
export interface Attachment {
  readonly device: string;
  readonly bridgeIndex: number;
  readonly mtu: number;
  readonly address: string;
  readonly prefixLength: number;
  readonly gateway: string;
  readonly mac: string;
  /** Name of the device inside. */
  readonly interfaceName: string;
  readonly linkLocalAddresses: readonly string[];
}

const loopbackIndex = 1;
/** Of 169.254.0.0/16 (RFC 3927). */
const linkLocalPrefixLength = 16;
const noIpv6 = 'net.ipv6.conf.default.disable_ipv6';

/** What Docker sets in every network namespace: low ports and ping need no capability inside. */
const defaultSysctls: Readonly<Record<string, string>> = {
  'net.ipv4.ping_group_range': '0 2147483647',
  'net.ipv4.ip_unprivileged_port_start': '0',
};

/**
 * `net.ipv4.ip_forward` -> its file; a slash in a name stands for a dot, as sysctl(8) has it, unless slashes are what
 * separates. Throws for a name that leads out of the settings of the network: those are the host's.
 */
function sysctlPath(name: string): string {
  const path = /^net\//.test(name) ? name : name.replace(/[./]/g, (separator) => (separator === '.' ? '/' : '.'));
  const full = normalize(`/proc/sys/${path}`);
  if (full !== `/proc/sys/${path}` || !full.startsWith('/proc/sys/net/')) {
    throw fail('invalid-argument', `sysctl "${name}" is not a setting of the network`);
  }
  return full;
}

function openIfPresent(path: string): number | undefined {
  try {
    return openSync(path, 'w');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** Files and a socket that belong to a namespace although they are used from outside of it. */
interface Handles extends Disposable {
  readonly route: RouteSocket;
  readonly sysctls: ReadonlyMap<string, number>;
}

function openHandles(names: readonly string[]): Handles {
  const sysctls = new Map<string, number>();
  const close = (): void => {
    for (const descriptor of sysctls.values()) closeSync(descriptor);
  };
  try {
    for (const name of names) {
      const descriptor = openIfPresent(sysctlPath(name));
      if (descriptor !== undefined) sysctls.set(name, descriptor);
    }
    const route = new RouteSocket();
    return {
      route,
      sysctls,
      [Symbol.dispose]() {
        route[Symbol.dispose]();
        close();
      },
    };
  } catch (error) {
    close();
    throw error;
  }
}

function attach(host: RouteSocket, made: NewNetworkNamespace<Handles>, request: Attachment): number {
  const { device, bridgeIndex, mtu, address, prefixLength, gateway, mac, interfaceName } = request;
  const { route, sysctls } = made.opened;
  const ipv6 = sysctls.get(noIpv6);
  // A device takes the default of the moment in which it appears.
  if (ipv6 !== undefined) writeSync(ipv6, '1', 0);
  const peer = { namespace: made.descriptor, name: interfaceName, mac };
  host.transact(addVeth({ name: device, master: bridgeIndex, mtu, peer }));
  if (ipv6 !== undefined) writeSync(ipv6, '0', 0);
  const link = host.link(device);
  host.transact(replaceForwarding(link.index, mac), enableHairpin(link.index));
  route.transact(
    setLink({ index: loopbackIndex }, { up: true }),
    setLink({ index: link.peer }, { up: true }),
    addAddress(link.peer, address, prefixLength),
    ...request.linkLocalAddresses.map((extra) => addAddress(link.peer, extra, linkLocalPrefixLength)),
    addDefaultRoute(gateway, link.peer),
  );
  return link.index;
}

function setSysctl(name: string, set: () => void): void {
  try {
    set();
  } catch (error) {
    // The words of the runtime, which sets those of the other namespaces.
    const call = hasCode(error, 'ENOENT') ? 'open' : 'write';
    const [, reason = messageOf(error)] = /^[A-Z0-9]+: ([^,]+)/.exec(messageOf(error)) ?? [];
    throw fail('internal', `${call} ${sysctlPath(name)}: ${reason}`, error);
  }
}

/** Sets what is asked for. Sysctls of a device exist only once the device does; those are set from inside. */
function applySysctls(
  path: string,
  made: NewNetworkNamespace<Handles>,
  wanted: Readonly<Record<string, string>>,
): void {
  const late: [string, string][] = [];
  for (const [name, value] of Object.entries(wanted)) {
    const descriptor = made.opened.sysctls.get(name);
    if (descriptor === undefined) late.push([name, value]);
    else setSysctl(name, () => void writeSync(descriptor, value, 0));
  }
  if (late.length === 0) return;
  inNetworkNamespace(path, () => {
    for (const [name, value] of late) setSysctl(name, () => writeFileSync(sysctlPath(name), value));
  });
}

/**
 * Makes a container's namespace at `path`, with loopback up and, when there is an `attachment`, an eth0 on a bridge.
 * Returns the index of the device on the host. Leaves nothing behind when it throws.
 */
export function createSandbox(
  host: RouteSocket,
  path: string,
  attachment: Attachment | undefined,
  sysctls: Readonly<Record<string, string>>,
): number | undefined {
  const wanted = { ...defaultSysctls, ...sysctls };
  const made = createNetworkNamespace(path, () => openHandles([...Object.keys(wanted), noIpv6]));
  try {
    let index: number | undefined;
    if (attachment === undefined) made.opened.route.transact(setLink({ index: loopbackIndex }, { up: true }));
    else index = attach(host, made, attachment);
    applySysctls(path, made, wanted);
    return index;
  } catch (error) {
    deleteNetworkNamespace(path);
    throw error;
  } finally {
    made[Symbol.dispose]();
  }
}

/** Puts an eth0 into a namespace that has lost its own. Returns the index of the device on the host. */
export function restoreAttachment(host: RouteSocket, path: string, attachment: Attachment): number {
  const descriptor = openSync(path, 'r');
  try {
    const opened = inNetworkNamespace(path, () => openHandles([noIpv6]));
    using made = { descriptor, opened, [Symbol.dispose]: () => opened[Symbol.dispose]() };
    return attach(host, made, attachment);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Drops a namespace and all in it. The kernel takes the devices away in its own time; so that what is left of the dead
 * cannot answer for an address that has a new owner, its port on the bridge is shut at once.
 */
export function dropSandbox(host: RouteSocket, path: string, attachment: AttachmentRecord | undefined): void {
  if (attachment !== undefined) {
    try {
      host.transact(disablePort(attachment.deviceIndex));
    } catch (error) {
      // The device is gone, or no port any more.
      if (!['ENODEV', 'EINVAL', 'EOPNOTSUPP', 'ENETDOWN'].some((code) => hasCode(error, code))) throw error;
    }
  }
  deleteNetworkNamespace(path);
}
