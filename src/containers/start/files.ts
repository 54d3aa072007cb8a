import { closeSync, constants, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { HostConfig } from '#api';
import { hasCode } from '#linux/errno';
import type { Sandbox } from '#networks';
import { linkLines } from '../links/hosts.ts';
import type { LinkedContainer } from '../links/links.ts';
import type { ContainerPaths } from '../paths.ts';
import type { ContainerRecord } from '../record.ts';

/** What the files are written from, beside the record. */
export interface NetworkFacts {
  readonly sandbox: Sandbox | undefined;
  readonly links: readonly LinkedContainer[];
  readonly paths: ContainerPaths;
}

const baseHosts = `127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::\tip6-localnet
ff00::\tip6-mcastprefix
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters
`;

/** Public resolvers that Docker falls back to where the host names none that a container could reach. */
const fallbackResolvers = ['8.8.8.8', '8.8.4.4'];

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}

function extraHosts(hostConfig: HostConfig, gateway: string): string {
  return (hostConfig.ExtraHosts ?? [])
    .map((entry) => {
      const match = /^([^:=]+)[:=](.*)$/.exec(entry);
      const address = match?.[2] ?? '';
      return `${address === 'host-gateway' ? gateway : address.replace(/^\[(.*)\]$/, '$1')}\t${match?.[1] ?? ''}\n`;
    })
    .join('');
}

function hostsText(record: ContainerRecord, { sandbox, links }: NetworkFacts): string {
  const { hostConfig, config } = record;
  const gateway =
    Object.values(sandbox?.endpoints ?? {}).find((endpoint) => endpoint.Gateway !== '')?.Gateway ?? '127.0.0.1';
  if (hostConfig.NetworkMode === 'host') return readFileSync('/etc/hosts', 'utf8') + extraHosts(hostConfig, gateway);
  const full = config.Domainname === '' ? config.Hostname : `${config.Hostname}.${config.Domainname}`;
  const names = full.includes('.') ? `${full} ${full.split('.', 1)[0]}` : full;
  const own = Object.values(sandbox?.endpoints ?? {})
    .flatMap(({ IPAddress, GlobalIPv6Address }) => [IPAddress, GlobalIPv6Address])
    .filter((address) => address !== '')
    .map((address) => `${address}\t${names}\n`)
    .join('');
  return baseHosts + extraHosts(hostConfig, gateway) + linkLines(links) + own;
}

function resolvConfText({ hostConfig }: ContainerRecord): string {
  const host = readFileSync('/etc/resolv.conf', 'utf8');
  const sharesNetwork = hostConfig.NetworkMode === 'host';
  const [Dns, DnsSearch, DnsOptions] = [hostConfig.Dns ?? [], hostConfig.DnsSearch ?? [], hostConfig.DnsOptions ?? []];
  if (sharesNetwork && Dns.length + DnsSearch.length + DnsOptions.length === 0) return host;
  const valuesOf = (keyword: string): string[] =>
    host
      .split('\n')
      .filter((line) => new RegExp(`^\\s*${keyword}\\s`).test(line))
      .flatMap((line) => line.trim().split(/\s+/).slice(1));
  const reachable = valuesOf('nameserver').filter((address) => sharesNetwork || !isLoopback(address));
  const resolvers = Dns.length > 0 ? Dns : reachable.length > 0 ? reachable : fallbackResolvers;
  const search = (DnsSearch.length > 0 ? DnsSearch : valuesOf('search')).filter((domain) => domain !== '.');
  const options = DnsOptions.length > 0 ? DnsOptions : valuesOf('options');
  return [
    ...resolvers.map((address) => `nameserver ${address}`),
    ...(search.length > 0 ? [`search ${search.join(' ')}`] : []),
    ...(options.length > 0 ? [`options ${options.join(' ')}`] : []),
    '',
  ].join('\n');
}

/** In place, for those that share it; but a container that shares it may hold a lease on it, and is not waited for. */
function writeAnew(path: string, text: string): void {
  const descriptor = openAnew(path);
  try {
    writeFileSync(descriptor, text);
  } finally {
    closeSync(descriptor);
  }
}

function openAnew(path: string): number {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NONBLOCK;
  try {
    return openSync(path, flags, 0o644);
  } catch (error) {
    if (!hasCode(error, 'EAGAIN')) throw error;
    rmSync(path);
    return openSync(path, flags, 0o644);
  }
}

/**
 * Writes /etc/hosts, /etc/hostname and /etc/resolv.conf of a container, new at every start: its address changes. A
 * container that shares another's network uses that one's files.
 */
export function writeNetworkFiles(record: ContainerRecord, facts: NetworkFacts): void {
  const { id } = record;
  const { paths } = facts;
  mkdirSync(paths.directory(id), { recursive: true, mode: 0o710 });
  writeAnew(paths.hostname(id), `${record.config.Hostname}\n`);
  if (record.hostConfig.NetworkMode.startsWith('container:')) return;
  writeAnew(paths.hosts(id), hostsText(record, facts));
  writeAnew(paths.resolvConf(id), resolvConfText(record));
}
