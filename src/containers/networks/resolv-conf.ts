import { readFileSync } from 'node:fs';
import type { HostConfig } from '#api';
import type { NameResolver } from '#networks';

/** Where names are resolved in containers of networks that users made. */
const ownResolver = '127.0.0.11';

/** Public resolvers that Docker falls back to where the host names none that a container could reach. */
const fallbackResolvers = ['8.8.8.8', '8.8.4.4'];

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}

/** The values behind a keyword of resolv.conf(5), of all its lines. */
function valuesOf(text: string, keyword: string): string[] {
  return text
    .split('\n')
    .filter((line) => new RegExp(`^\\s*${keyword}\\s`).test(line))
    .flatMap((line) => line.trim().split(/\s+/).slice(1));
}

function hostText(): string {
  return readFileSync('/etc/resolv.conf', 'utf8');
}

/**
 * Who answers for what no container is called: the resolvers asked for, from the container's own network, else those of
 * the host, from there: they may be on its loopback.
 */
export function resolverOf(
  { Dns, DnsOptions }: Pick<HostConfig, 'Dns' | 'DnsOptions'>,
  host = hostText(),
): NameResolver {
  const isNdotsSet = optionsFor(DnsOptions ?? [], host).some((option) => option.startsWith('ndots:'));
  if ((Dns ?? []).length > 0) return { servers: [...(Dns ?? [])], isNdotsSet };
  const own = valuesOf(host, 'nameserver').map((address) => `host(${address})`);
  return { servers: own.length > 0 ? own : fallbackResolvers, isNdotsSet };
}

/** Options of the container, in which any that are asked for stand in place of all of the host's. */
function optionsFor(asked: readonly string[], host: string): readonly string[] {
  return asked.length > 0 ? asked : valuesOf(host, 'options');
}

/** What of a container's host configuration decides about the file. */
export type ResolvConfRequest = Pick<HostConfig, 'Dns' | 'DnsSearch' | 'DnsOptions' | 'NetworkMode'>;

/** Who answers a container: in networks with names the engine, else the resolvers that the container can reach. */
function serversFor(hostConfig: ResolvConfRequest, host: string, hasNames: boolean): string[] {
  if (hasNames) return [ownResolver];
  const asked = hostConfig.Dns ?? [];
  if (asked.length > 0) return [...asked];
  const reachable = valuesOf(host, 'nameserver').filter(
    (address) => hostConfig.NetworkMode === 'host' || !isLoopback(address),
  );
  return reachable.length > 0 ? reachable : fallbackResolvers;
}

/** /etc/resolv.conf of a container; `hasNames` when its names are resolved by the engine. */
export function resolvConfText(hostConfig: ResolvConfRequest, hasNames: boolean): string {
  const host = hostText();
  const [Dns, DnsSearch, DnsOptions] = [hostConfig.Dns ?? [], hostConfig.DnsSearch ?? [], hostConfig.DnsOptions ?? []];
  if (hostConfig.NetworkMode === 'host' && Dns.length + DnsSearch.length + DnsOptions.length === 0) return host;
  const search = (DnsSearch.length > 0 ? DnsSearch : valuesOf(host, 'search')).filter((domain) => domain !== '.');
  const given = optionsFor(DnsOptions, host);
  // A name without a dot is a container's before it is one of a search domain.
  const options = hasNames && !given.some((option) => option.startsWith('ndots:')) ? [...given, 'ndots:0'] : given;
  return [
    ...serversFor(hostConfig, host, hasNames).map((address) => `nameserver ${address}`),
    ...(search.length > 0 ? [`search ${search.join(' ')}`] : []),
    ...(options.length > 0 ? [`options ${options.join(' ')}`] : []),
    '',
  ].join('\n');
}
