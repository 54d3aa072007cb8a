import { readFileSync } from 'node:fs';
import type { EndpointSettings, HostConfig } from '#api';
import type { Catalog } from '../catalog.ts';
import { type LinkedContainer, linksOf } from '../links/links.ts';
import type { ContainerPaths } from '../paths.ts';
import { type ContainerRecord, hasProcess } from '../record.ts';
import { changeContainerFile } from './container-file.ts';

const baseHosts = `127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::\tip6-localnet
ff00::\tip6-mcastprefix
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters
`;

/** The lines of /etc/hosts for links: by alias, host name and name. */
function linkLines(links: readonly LinkedContainer[]): string {
  return links
    .map(({ alias, address, record }) => {
      const names = [...new Set([alias, record.config.Hostname, record.name])].filter((name) => name !== '');
      return `${address}\t${names.join(' ')}\n`;
    })
    .join('');
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

function addressesOf({ IPAddress, GlobalIPv6Address }: EndpointSettings): string[] {
  return [IPAddress, GlobalIPv6Address].filter((address) => address !== '');
}

function ownLines({ config }: ContainerRecord, endpoint: EndpointSettings): string {
  const full = config.Domainname === '' ? config.Hostname : `${config.Hostname}.${config.Domainname}`;
  const names = full.includes('.') ? `${full} ${full.split('.', 1)[0]}` : full;
  return addressesOf(endpoint)
    .map((address) => `${address}\t${names}\n`)
    .join('');
}

/** What a container's list of hosts is written from, beside its record. */
export interface HostsFacts {
  readonly endpoints: readonly EndpointSettings[];
  readonly links: readonly LinkedContainer[];
  /** Address of the host, for the word `host-gateway`. */
  readonly hostGateway: string;
}

/** /etc/hosts of a container at its start. */
export function hostsText(record: ContainerRecord, { endpoints, links, hostGateway }: HostsFacts): string {
  const extra = extraHosts(record.hostConfig, hostGateway);
  if (record.hostConfig.NetworkMode === 'host') return readFileSync('/etc/hosts', 'utf8') + extra;
  return baseHosts + extra + linkLines(links) + endpoints.map((endpoint) => ownLines(record, endpoint)).join('');
}

/** Adds the lines of an endpoint that a running container has got, and keeps whatever else is there. */
export function addHosts(path: string, record: ContainerRecord, endpoint: EndpointSettings): void {
  changeContainerFile(path, (text) => {
    const separator = text === '' || text.endsWith('\n') ? '' : '\n';
    return text + separator + ownLines(record, endpoint);
  });
}

/** Takes the lines of an endpoint away that a running container has lost. */
export function removeHosts(path: string, endpoint: EndpointSettings): void {
  const lost = new Set(addressesOf(endpoint));
  changeContainerFile(path, (text) =>
    text
      .split('\n')
      .filter((line) => !lost.has(line.split(/\s/, 1)[0] ?? ''))
      .join('\n'),
  );
}

/** Gives a linked container its new address in another's list of hosts. */
export function updateFile(path: string, aliases: readonly string[], address: string): void {
  changeContainerFile(path, (text) =>
    text.replace(/^(\S+)\t(\S+)/gm, (line, _former: string, name: string) =>
      aliases.includes(name) ? `${address}\t${name}` : line,
    ),
  );
}

/** Tells the running containers that have links to one which has just started its address. */
export function updateLinkedHosts(
  started: ContainerRecord,
  address: string,
  catalog: Catalog,
  paths: ContainerPaths,
): void {
  for (const record of catalog.all()) {
    if (!hasProcess(record) || record.hostConfig.Links === null) continue;
    const aliases = linksOf(record).flatMap(({ target, alias }) => (target === started.id ? [alias] : []));
    if (aliases.length > 0) updateFile(paths.hosts(record.id), aliases, address);
  }
}
