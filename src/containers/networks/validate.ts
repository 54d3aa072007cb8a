import { isIP } from 'node:net';
import type { ContainerConfig, EndpointSettings, HostConfig, PortBinding } from '#api';
import type { Networks } from '#networks';
import { fail } from '#std/errors';
import { checkEndpoint } from './endpoint.ts';

/** What decides about the network of a container that is about to be created. */
export interface NetworkInput {
  readonly config: ContainerConfig;
  readonly hostConfig: HostConfig;
  readonly endpoints: Readonly<Record<string, Partial<EndpointSettings>>>;
  /** The host name that the caller asked for; empty when it is the engine's choice. */
  readonly askedHostname: string;
  readonly networks: Pick<Networks, 'find' | 'endpointFaults'>;
}

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

function checkEndpoints({ hostConfig: { NetworkMode }, endpoints, networks }: NetworkInput): void {
  if (NetworkMode.startsWith('container:')) return;
  for (const [network, endpoint] of Object.entries(endpoints)) {
    checkEndpoint(networks, network, endpoint, `invalid config for network ${network}: `);
    if (NetworkMode === 'host' && network !== 'host') {
      throw fail('not-implemented', `an endpoint in network ${network} beside network mode host is not supported`);
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
