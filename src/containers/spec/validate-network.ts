import { isIP, isIPv4, isIPv6 } from 'node:net';
import type { ContainerConfig, EndpointSettings, HostConfig, PortBinding } from '#api';
import { fail } from '#std/errors';
import { parseMac } from './mac.ts';

/** What decides about the network of a container that is about to be created. */
export interface NetworkInput {
  readonly config: ContainerConfig;
  readonly hostConfig: HostConfig;
  readonly endpoints: Readonly<Record<string, Partial<EndpointSettings>>>;
  /** The host name that the caller asked for; empty when it is the engine's choice. */
  readonly askedHostname: string;
}

/** The networks of every engine: a container is in one of them, or in another container's. */
const ownNetworks = ['bridge', 'none', 'host'];

function refuse(message: string): Error {
  return fail('invalid-argument', message);
}

function conflict(message: string): Error {
  return refuse(`conflicting options: ${message}`);
}

function isPublishing({ PortBindings, PublishAllPorts }: HostConfig): boolean {
  return Object.keys(PortBindings ?? {}).length > 0 || PublishAllPorts;
}

/** What cannot go with the network of another container, or with the host's. */
function checkMode({ config, hostConfig, askedHostname }: NetworkInput): void {
  const { NetworkMode, UTSMode, Links, Dns, ExtraHosts } = hostConfig;
  if (NetworkMode === 'container:') {
    throw refuse('invalid network mode: invalid container format container:<name|id>');
  }
  const hasLinks = (Links ?? []).length > 0;
  if (NetworkMode.startsWith('container:')) {
    const links = "container type network can't be used with links. This would result in undefined behavior";
    const conflicts: [boolean, string][] = [
      [askedHostname !== '', 'hostname and the network mode'],
      [hasLinks, links],
      [(Dns ?? []).length > 0, 'dns and the network mode'],
      [(ExtraHosts ?? []).length > 0, 'custom host-to-IP mapping and the network mode'],
      [isPublishing(hostConfig), 'port publishing and the container type network mode'],
      [Object.keys(config.ExposedPorts ?? {}).length > 0, 'port exposing and the container type network mode'],
    ];
    for (const [isGiven, message] of conflicts) if (isGiven) throw conflict(message);
  }
  if (askedHostname !== '' && UTSMode === 'host') throw conflict('hostname and the UTS mode');
  if (NetworkMode === 'host' && hasLinks) {
    throw conflict("host type networking can't be used with links. This would result in undefined behavior");
  }
}

/** A port, or a range of ports. */
function isPort(text: string): boolean {
  const [, first, last] = /^(\d+)(?:-(\d+))?$/.exec(text) ?? [];
  return first !== undefined && Number(first) <= 65535 && Number(last ?? first) <= 65535;
}

function checkPort(port: string): void {
  const [number = '', protocol = 'tcp'] = port.split('/');
  if (!isPort(number)) throw refuse(`invalid port specification: ${JSON.stringify(number)}`);
  if (!/^(?:tcp|udp|sctp)?$/i.test(protocol)) throw refuse(`invalid port specification: ${JSON.stringify(port)}`);
}

function checkBindings(bindings: Readonly<Record<string, readonly PortBinding[] | null>>): void {
  for (const [port, list] of Object.entries(bindings)) {
    checkPort(port);
    for (const { HostPort, HostIp } of list ?? []) {
      if (HostPort && !isPort(HostPort)) throw refuse(`invalid port specification: ${JSON.stringify(HostPort)}`);
      if (HostIp && isIP(HostIp.replace(/^\[(.*)\]$/, '$1')) === 0) throw refuse(`invalid IP address: ${HostIp}`);
    }
  }
}

function checkNames({ ExtraHosts, Dns }: HostConfig): void {
  for (const entry of ExtraHosts ?? []) {
    const match = /^([^:]+):(.+)$/s.exec(entry);
    if (match === null) throw refuse(`bad format for add-host: ${JSON.stringify(entry)}`);
    const address = match[2] ?? '';
    if (address !== 'host-gateway' && isIP(address) === 0) {
      throw refuse(`invalid IP address in add-host: ${JSON.stringify(address)}`);
    }
  }
  for (const address of Dns ?? []) {
    if (isIP(address) === 0) {
      throw refuse(`bad nameserver address ${address}: ParseAddr(${JSON.stringify(address)}): unable to parse IP`);
    }
  }
}

/** The addresses asked for, none of which the bridge that all share can give, and those that are no addresses. */
function addressFaults({ IPAMConfig }: Partial<EndpointSettings>): string[] {
  const { IPv4Address = '', IPv6Address = '', LinkLocalIPs = [] } = IPAMConfig ?? {};
  const faults: string[] = [];
  if (IPv4Address !== '' || IPv6Address !== '') {
    faults.push('user specified IP address is supported on user defined networks only');
    if (IPv4Address !== '' && !isIPv4(IPv4Address)) faults.push(`invalid IPv4 address: ${IPv4Address}`);
    if (IPv6Address !== '' && !isIPv6(IPv6Address)) faults.push(`invalid IPv6 address: ${IPv6Address}`);
    faults.push('user specified IP address is supported only when connecting to networks with user configured subnets');
  }
  for (const address of LinkLocalIPs ?? []) {
    if (isIP(address) === 0) faults.push(`invalid link-local IP address: ${address}`);
  }
  return faults;
}

function sysctlFaults({ DriverOpts }: Partial<EndpointSettings>): string[] {
  const settings = DriverOpts?.['com.docker.network.endpoint.sysctls'];
  return (settings === undefined ? [] : settings.split(','))
    .filter((setting) => !/^net\.(?:ipv4|ipv6|mpls)\.[^.=]+\.IFNAME\.[^=]+=/.test(setting))
    .map((setting) => {
      const form = "represent 'net.X.Y.ethN.Z=V' as 'net.X.Y.IFNAME.Z=V', 'X' must be 'ipv4', 'ipv6' or 'mpls'";
      return `unrecognised network interface sysctl '${setting}'; ${form}`;
    });
}

function endpointFaults(endpoint: Partial<EndpointSettings>): string[] {
  const alias = 'network-scoped alias is supported only for containers in user defined networks';
  return [
    ...((endpoint.Aliases ?? []).length > 0 ? [alias] : []),
    ...addressFaults(endpoint),
    ...sysctlFaults(endpoint),
  ];
}

function checkEndpoint(network: string, endpoint: Partial<EndpointSettings>): void {
  const invalid = `invalid config for network ${network}: `;
  if (endpoint.MacAddress && parseMac(endpoint.MacAddress) === undefined) {
    throw refuse(`${invalid}invalid MAC address ${endpoint.MacAddress}`);
  }
  const faults = endpointFaults(endpoint);
  if (faults.length === 1) throw refuse(`${invalid}invalid endpoint settings:\n${faults[0]}`);
  if (faults.length > 1) {
    throw refuse(`${invalid}invalid endpoint settings:\n${faults.map((fault) => `* ${fault}`).join('\n')}`);
  }
  if ((endpoint.Links ?? []).length > 0) {
    throw refuse(`${invalid}links of an endpoint are supported only in user defined networks`);
  }
  if ((endpoint.IPAMConfig?.LinkLocalIPs ?? []).some(isIPv6)) {
    throw fail('not-implemented', `${invalid}link-local addresses of IPv6 are not supported`);
  }
}

function checkEndpoints({ hostConfig: { NetworkMode }, endpoints }: NetworkInput): void {
  if (NetworkMode.startsWith('container:')) return;
  for (const [network, endpoint] of Object.entries(endpoints)) {
    checkEndpoint(network, endpoint);
    // One that is not known fails the start, as it does at Docker: it may be made until then.
    if (network !== NetworkMode && ownNetworks.includes(network) && ownNetworks.includes(NetworkMode)) {
      throw fail(
        'not-implemented',
        `an endpoint in network ${network} beside network mode ${NetworkMode} is not supported`,
      );
    }
  }
}

/** Checks the network of a container; returns warnings. Throws `invalid-argument` in Docker's words. */
export function validateNetwork(input: NetworkInput): string[] {
  const { hostConfig, config } = input;
  checkMode(input);
  checkNames(hostConfig);
  checkBindings(hostConfig.PortBindings ?? {});
  for (const port of Object.keys(config.ExposedPorts ?? {})) checkPort(port);
  checkEndpoints(input);
  return hostConfig.NetworkMode === 'host' && isPublishing(hostConfig)
    ? ['Published ports are discarded when using host network mode']
    : [];
}
