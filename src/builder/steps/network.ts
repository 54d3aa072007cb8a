import { writeFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { type ContainerMount, resolvConfText, resolverOf } from '#containers';
import type { Networks, Sandbox } from '#networks';
import type { ExecOperation } from '../graph/operation.ts';
import type { StepParts } from './parts.ts';

/** The network that every engine has. */
const defaultNetwork = 'bridge';

/** What a step's network is made with. */
export type StepNetworkParts = Pick<StepParts, 'networks' | 'dns'>;

/** Makes the network of a step; undefined for the host's, and for none: then the runtime's new namespace has nothing in it. */
export async function setUpStepNetwork(
  { networks, dns }: StepNetworkParts,
  id: string,
  { network, networkName, hostname }: ExecOperation,
): Promise<Sandbox | undefined> {
  if (network === 'host') return undefined;
  const name = network === 'none' ? 'none' : (networkName ?? defaultNetwork);
  return await networks.setUp({
    containerId: id,
    containerName: id,
    hostname,
    endpoints: [{ network: name, settings: {} }],
    portBindings: {},
    exposedPorts: [],
    publishAll: false,
    sysctls: {},
    resolver: resolverOf(dns()),
    isUnannounced: true,
  });
}

/** /etc/hosts of a step, as BuildKit writes it. */
function hostsText({ extraHosts, hostname }: ExecOperation, networks: Pick<Networks, 'inspect'>): string {
  const gateway = (): string => networks.inspect(defaultNetwork).IPAM.Config?.[0]?.Gateway ?? '127.0.0.1';
  const extra = extraHosts.map(({ host, address }) => `${address === 'host-gateway' ? gateway() : address}\t${host}\n`);
  return `127.0.0.1\tlocalhost ${hostname}\n::1\tlocalhost ip6-localhost ip6-loopback\n${extra.join('')}`;
}

/** Writes the files by which a step finds names, and mounts them, unless a mount of its own is in their place or over it. */
export function networkFiles(
  directory: string,
  operation: ExecOperation,
  { networks, dns }: StepNetworkParts,
  sandbox: Sandbox | undefined,
): ContainerMount[] {
  const settings = { ...dns(), NetworkMode: operation.network === 'host' ? 'host' : '' };
  const files = {
    hosts: hostsText(operation, networks),
    'resolv.conf': resolvConfText(settings, sandbox?.hasResolver ?? false),
  };
  const taken = new Set(operation.mounts.map(({ target }) => posix.resolve('/', target)));
  return Object.entries(files).flatMap(([name, text]): ContainerMount[] => {
    const destination = `/etc/${name}`;
    if (taken.has(destination) || taken.has('/etc')) return [];
    const source = join(directory, name);
    writeFileSync(source, text, { mode: 0o644 });
    const sourceFlags = ['nosuid', 'nodev', 'noexec'];
    return [
      { type: 'bind', source, destination, readOnly: true, recursive: false, sourceFlags, propagation: 'rprivate' },
    ];
  });
}
