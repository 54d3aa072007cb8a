import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import type { EndpointSettings } from '#api';
import type { Networks, Sandbox } from '#networks';
import type { LinkedContainer } from '../links/links.ts';
import type { ContainerPaths } from '../paths.ts';
import type { ContainerRecord } from '../record.ts';
import { readContainerFile, writeAnew } from './container-file.ts';
import { hostsText } from './hosts.ts';
import { resolvConfText } from './resolv-conf.ts';

/** What the files are written from, beside the record. */
export interface NetworkFacts {
  readonly sandbox: Sandbox | undefined;
  readonly links: readonly LinkedContainer[];
  readonly networks: Pick<Networks, 'inspect'>;
  readonly paths: ContainerPaths;
}

/** The host, as containers reach it: the gateway of the bridge that every engine has. */
function hostGateway(
  { hostConfig }: ContainerRecord,
  endpoints: readonly EndpointSettings[],
  networks: NetworkFacts['networks'],
): string {
  if (!(hostConfig.ExtraHosts ?? []).some((entry) => /[:=]host-gateway$/.test(entry))) return '';
  const [pool] = networks.inspect('bridge').IPAM.Config ?? [];
  return pool?.Gateway ?? endpoints.find(({ Gateway }) => Gateway !== '')?.Gateway ?? '127.0.0.1';
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Whether a container's user has changed what the engine wrote. */
function isEdited(path: string): boolean {
  const present = readContainerFile(path);
  const written = readContainerFile(`${path}.hash`);
  return present !== undefined && written !== undefined && digestOf(present) !== written;
}

/** Writes /etc/resolv.conf, unless somebody has changed it since it was written last: what a user wrote stays. */
export function writeResolvConf(record: ContainerRecord, sandbox: Sandbox | undefined, paths: ContainerPaths): void {
  const path = paths.resolvConf(record.id);
  if (record.life.startedAtNs !== '' && isEdited(path)) return;
  const text = resolvConfText(record.hostConfig, sandbox?.hasResolver ?? false);
  writeAnew(path, text);
  writeAnew(`${path}.hash`, digestOf(text));
}

/**
 * Writes /etc/hosts, /etc/hostname and /etc/resolv.conf of a container at its start: its address changes. A
 * container that shares another's network uses that one's files.
 */
export function writeNetworkFiles(record: ContainerRecord, facts: NetworkFacts): void {
  const { id } = record;
  const { sandbox, links, networks, paths } = facts;
  mkdirSync(paths.directory(id), { recursive: true, mode: 0o710 });
  writeAnew(paths.hostname(id), `${record.config.Hostname}\n`);
  if (record.hostConfig.NetworkMode.startsWith('container:')) return;
  const endpoints = Object.values(sandbox?.endpoints ?? {});
  const facing = { endpoints, links, hostGateway: hostGateway(record, endpoints, networks) };
  writeAnew(paths.hosts(id), hostsText(record, facing));
  writeResolvConf(record, sandbox, paths);
}
