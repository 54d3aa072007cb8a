import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { normalize } from 'node:path';
import { hasCode } from '#linux/errno';
import { createNetworkNamespace, inNetworkNamespace } from '#linux/namespaces';
import { RouteSocket } from '#linux/rtnetlink';
import { fail, messageOf } from '#std/errors';
import type { OpenNamespace } from '../drivers/driver.ts';

const noIpv6 = 'net.ipv6.conf.default.disable_ipv6';
const duplicateDetection = 'net.ipv6.conf.default.accept_dad';

/** What Docker sets in every network namespace: low ports and ping need no capability inside. */
const defaultSysctls: Readonly<Record<string, string>> = {
  'net.ipv4.ping_group_range': '0 2147483647',
  'net.ipv4.ip_unprivileged_port_start': '0',
};

/** A namespace that is open for changes. */
export interface Workplace extends OpenNamespace, Disposable {
  /** Runs `body`, in which a device is put into the namespace that takes IPv6, at once and without asking, or none of it. */
  withIpv6<T>(has: boolean, body: () => Promise<T> | T): Promise<T>;
  /** Sets what is asked for; throws in the words of the runtime, which sets those of the other namespaces. */
  apply(sysctls: Readonly<Record<string, string>>): void;
}

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

function setSysctl(name: string, set: () => void): void {
  try {
    set();
  } catch (error) {
    const call = hasCode(error, 'ENOENT') ? 'open' : 'write';
    const [, reason = messageOf(error)] = /^[A-Z0-9]+: ([^,]+)/.exec(messageOf(error)) ?? [];
    throw fail('internal', `${call} ${sysctlPath(name)}: ${reason}`, error);
  }
}

function workplace(path: string, descriptor: number, opened: Handles, dispose: () => void): Workplace {
  const { route, sysctls } = opened;
  const set = (name: string, value: string): void => {
    const file = sysctls.get(name);
    if (file !== undefined) writeSync(file, value, 0);
  };
  return {
    path,
    descriptor,
    route,
    async withIpv6(has, body) {
      // A device takes the defaults of the moment in which it appears.
      set(has ? duplicateDetection : noIpv6, has ? '0' : '1');
      try {
        return await body();
      } finally {
        set(has ? duplicateDetection : noIpv6, has ? '1' : '0');
      }
    },
    apply(wanted) {
      const late: [string, string][] = [];
      for (const [name, value] of Object.entries(wanted)) {
        const file = sysctls.get(name);
        if (file === undefined) late.push([name, value]);
        else setSysctl(name, () => void writeSync(file, value, 0));
      }
      if (late.length === 0) return;
      // Those of a device exist only once the device does; they are set from inside.
      inNetworkNamespace(path, () => {
        for (const [name, value] of late) setSysctl(name, () => writeFileSync(sysctlPath(name), value));
      });
    },
    [Symbol.dispose]: dispose,
  };
}

/** What the devices need that come: only what is used is opened. */
function deviceDefaults(ipv6: readonly boolean[]): string[] {
  return [...(ipv6.includes(true) ? [duplicateDetection] : []), ...(ipv6.includes(false) ? [noIpv6] : [])];
}

/** The settings of a container's namespace: Docker's, and those asked for. */
export function sysctlsOf(asked: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return { ...defaultSysctls, ...asked };
}

/** Makes a namespace, pinned at `path`. `ipv6` says of the devices to come whether they have IPv6. */
export function makeNamespace(path: string, sysctls: readonly string[], ipv6: readonly boolean[]): Workplace {
  const made = createNetworkNamespace(path, () => openHandles([...sysctls, ...deviceDefaults(ipv6)]));
  return workplace(path, made.descriptor, made.opened, () => made[Symbol.dispose]());
}

/** Opens the namespace pinned at `path`. */
export function openNamespace(path: string, ipv6: readonly boolean[] = []): Workplace {
  const descriptor = openSync(path, 'r');
  try {
    const opened = inNetworkNamespace(path, () => openHandles(deviceDefaults(ipv6)));
    return workplace(path, descriptor, opened, () => {
      opened[Symbol.dispose]();
      closeSync(descriptor);
    });
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}
