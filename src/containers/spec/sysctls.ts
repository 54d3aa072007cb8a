import type { HostConfig } from '#api';
import { fail } from '#std/errors';
import { createFailed } from './runtime-words.ts';

const ipcSettings: ReadonlySet<string> = new Set([
  'kernel.msgmax',
  'kernel.msgmnb',
  'kernel.msgmni',
  'kernel.sem',
  'kernel.shmall',
  'kernel.shmmax',
  'kernel.shmmni',
  'kernel.shm_rmid_forced',
]);

export interface SysctlRequest {
  readonly asked: Readonly<Record<string, string>>;
  readonly domainname: string;
  /** Whether the container has these namespaces to itself (or shares another container's), not the host's. */
  readonly ownNetwork: boolean;
  readonly ownIpc: boolean;
  readonly ownUts: boolean;
  /** A network namespace that no other container set up. */
  readonly privateNetwork: boolean;
  readonly pingGroups: boolean;
  readonly unprivilegedPorts: boolean;
}

/** Words between dots or slashes: an empty one, or one of dots, would lead out of the tree that the name begins in. */
const wellFormed = /^[A-Za-z0-9_:@-]+(?:[./][A-Za-z0-9_:@-]+)*$/;

function refusal(name: string, request: SysctlRequest): string | undefined {
  if (!wellFormed.test(name)) return `sysctl "${name}" is not a setting of the kernel`;
  if (name === 'kernel.hostname') {
    return `sysctl "${name}" is not allowed as it conflicts with the OCI "hostname" field`;
  }
  if (name === 'kernel.domainname') {
    return request.ownUts ? undefined : `sysctl "${name}" is not in a separate kernel namespace`;
  }
  if (ipcSettings.has(name) || name.startsWith('fs.mqueue.')) {
    return request.ownIpc ? undefined : `sysctl "${name}" is not allowed in the hosts ipc namespace`;
  }
  if (name.startsWith('net.')) {
    return request.ownNetwork ? undefined : `sysctl "${name}" not allowed in host network namespace`;
  }
  return `sysctl "${name}" is not in a separate kernel namespace`;
}

/**
 * Kernel settings of a container's namespaces: Docker's own (anybody may bind low ports and ping) and those asked for.
 * Throws `internal`, in the runtime's words, for a setting that would change the host.
 */
export function sysctlsOf(request: SysctlRequest): Record<string, string> {
  const settings: Record<string, string> = {};
  if (request.domainname !== '' && request.ownUts) settings['kernel.domainname'] = request.domainname;
  if (request.privateNetwork && request.unprivilegedPorts) settings['net.ipv4.ip_unprivileged_port_start'] = '0';
  if (request.privateNetwork && request.pingGroups) settings['net.ipv4.ping_group_range'] = '0 2147483647';
  for (const [written, value] of Object.entries(request.asked)) {
    // Both spellings are known: net.ipv4.conf and net/ipv4/conf.
    const name = written.includes('.') && !/^[^.]*\//.test(written) ? written : written.replaceAll('/', '.');
    const reason = refusal(name, request);
    if (reason !== undefined) throw fail('internal', createFailed + reason);
    settings[name] = value;
  }
  return settings;
}

/** The part of the settings that belongs to the network namespace; throws for a name that is none. */
export function networkSysctls(hostConfig: Pick<HostConfig, 'Sysctls'>): Record<string, string> {
  const settings = Object.entries(hostConfig.Sysctls ?? {}).filter(([name]) => /^net[./]/.test(name));
  for (const [name] of settings) {
    if (!wellFormed.test(name))
      throw fail('internal', `${createFailed}sysctl "${name}" is not a setting of the kernel`);
  }
  return Object.fromEntries(settings);
}
