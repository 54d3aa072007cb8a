import type { IpamPool, NetworkCreateRequest } from '#api';
import { fail } from '#std/errors';
import { newId } from '#std/identifiers';
import { formatTime, nowNs } from '#std/time';
import { builtinNames, type NetworkCatalog } from '../catalog.ts';
import type { NetworkDraft } from '../drivers/driver.ts';
import type { NetworkRecord } from '../record.ts';
import { checkPools } from './ipam-config.ts';

/** A network that may be made: all of it but its subnets. */
export interface CheckedRequest {
  readonly draft: NetworkDraft;
  readonly pools: readonly IpamPool[];
  readonly ipamDriver: string;
  readonly ipamOptions: Readonly<Record<string, string>> | null;
}

function forbid(message: string): Error {
  return fail('forbidden', message);
}

function isGiven(record: object | null | undefined): boolean {
  return record != null && Object.keys(record).length > 0;
}

/** A name without what cannot be seen, as Docker keeps it: blanks around it are not part of it. */
function checkName(catalog: NetworkCatalog, name: string): void {
  if (name.trim() === '') throw fail('invalid-argument', 'invalid name: name is empty');
  if ([...name].some((character) => character < ' ' || character === '\u007f')) {
    throw fail('invalid-argument', `invalid name: ${JSON.stringify(name)} has control characters`);
  }
  if (builtinNames.includes(name) || name === 'default') {
    throw forbid(`operation is not permitted on predefined ${name} network `);
  }
  if ([...catalog.networks.all()].some((network) => network.name === name)) {
    throw fail('conflict', `network with name ${name} already exists`);
  }
}

function checkScope({ Scope = '', Ingress }: NetworkCreateRequest): void {
  if (Scope === 'swarm') throw forbid('cannot create a swarm scoped network when swarm is not active');
  if (Ingress === true) throw forbid('Ingress network can only be global scope network');
}

/** The network whose configuration is asked for. */
function configuration(catalog: NetworkCatalog, request: NetworkCreateRequest): NetworkRecord | undefined {
  const name = request.ConfigFrom?.Network ?? '';
  if (name === '') return undefined;
  if (request.ConfigOnly === true)
    throw forbid('a configuration network cannot depend on another configuration network');
  const found = [...catalog.networks.all()].find((network) => network.isConfigOnly && network.name === name);
  if (found === undefined) throw fail('not-found', `configuration network "${name}" does not exist`);
  const dependent = 'if the network depends on a configuration network';
  if (isGiven(request.Labels) || isGiven(request.IPAM?.Config) || request.EnableIPv6 === true) {
    throw forbid(`user specified configurations are not supported ${dependent}`);
  }
  if (isGiven(request.Options)) throw forbid(`network driver options are not supported ${dependent}`);
  return found;
}

/** The subnets of a configuration, in the form of a request. */
function poolsOf({ ipam }: NetworkRecord): IpamPool[] {
  return ipam.pools.map(({ subnet, range, gateway, auxiliary }) => ({
    Subnet: subnet,
    ...(range !== undefined && { IPRange: range }),
    ...(gateway !== undefined && { Gateway: gateway }),
    ...(auxiliary !== undefined && { AuxiliaryAddresses: { ...auxiliary } }),
  }));
}

function draftOf(
  request: NetworkCreateRequest,
  from: NetworkRecord | undefined,
  driverOptions: Readonly<Record<string, Readonly<Record<string, string>>>>,
): NetworkDraft {
  const driver = request.ConfigOnly === true ? 'null' : request.Driver || 'bridge';
  return {
    id: newId(),
    name: request.Name,
    driver,
    created: formatTime(nowNs()),
    enableIpv4: from?.enableIpv4 ?? request.EnableIPv4 ?? true,
    enableIpv6: from?.enableIpv6 ?? request.EnableIPv6 ?? false,
    isInternal: request.Internal ?? false,
    isAttachable: request.Attachable ?? false,
    isConfigOnly: request.ConfigOnly ?? false,
    configFrom: from?.name ?? '',
    options: from?.options ?? { ...driverOptions[driver], ...request.Options },
    labels: from?.labels ?? request.Labels ?? {},
  };
}

/** Reads a request; throws in Docker's words, in its order. `driverOptions` are those of networks that do not say otherwise. */
export function checkRequest(
  catalog: NetworkCatalog,
  request: NetworkCreateRequest,
  driverOptions: Readonly<Record<string, Readonly<Record<string, string>>>> = {},
): CheckedRequest {
  checkName(catalog, request.Name ?? '');
  checkScope(request);
  const pools = request.IPAM?.Config ?? [];
  checkPools(pools, request.EnableIPv6 === true);
  const from = configuration(catalog, request);
  const draft = draftOf(request, from, driverOptions);
  if (!draft.enableIpv4 && !draft.enableIpv6) throw fail('invalid-argument', 'IPv4 or IPv6 must be enabled');
  if (!draft.isConfigOnly && (draft.driver === 'host' || draft.driver === 'null')) {
    throw forbid(`only one instance of "${draft.driver}" network is allowed`);
  }
  return {
    draft,
    pools: from === undefined ? pools : poolsOf(from),
    ipamDriver: from?.ipam.driver ?? (request.IPAM?.Driver || 'default'),
    ipamOptions: from?.ipam.options ?? request.IPAM?.Options ?? null,
  };
}
