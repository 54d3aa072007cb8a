import type { Filters, NetworkCreateRequest } from '#api';
import type { Events } from '#events';
import { fail } from '#std/errors';
import { shortId } from '#std/identifiers';
import { Lock } from '#std/lock';
import { log } from '#std/log';
import type { Records } from '#store';
import type { Family } from '../addresses/ip.ts';
import type { Ipam, PoolRequest } from '../addresses/ipam.ts';
import { builtinNames, type NetworkCatalog } from '../catalog.ts';
import { type Driver, SubnetTaken } from '../drivers/driver.ts';
import type { NetworkRecord, PoolRecord } from '../record.ts';
import type { NetworkCreated } from '../types.ts';
import { pruneTest } from '../view/filters.ts';
import { poolRequests } from './ipam-config.ts';
import { type CheckedRequest, checkRequest } from './request.ts';

/** What networks are made of. */
export interface ChangeParts {
  readonly records: Records;
  readonly events: Events;
  readonly catalog: NetworkCatalog;
  readonly ipam: Ipam;
  /** Options of new networks that do not say otherwise, by driver. */
  readonly driverOptions: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** By its name; throws `not-found` for one that is not there. */
  readonly driverNamed: (name: string) => Driver;
  /** Tells the firewall that a network came. */
  readonly opened: (network: NetworkRecord) => void;
  /** Tells the firewall that a network goes. */
  readonly closing: (network: NetworkRecord) => void;
  /** Whether endpoints are being made in a network. */
  readonly isAwaited: (networkId: string) => boolean;
  /** A container's name of this moment. */
  readonly nameOf: (containerId: string) => string;
}

/** Makes and removes networks. */
export interface NetworkChanges {
  create(request: NetworkCreateRequest): Promise<NetworkCreated>;
  remove(name: string): Promise<void>;
  prune(filters: Filters): Promise<string[]>;
}

const attemptLimit = 20;

/** Subnets that are not used: of a configuration, or of a family that is not enabled. */
function unused(requests: readonly PoolRequest[]): PoolRecord[] {
  return requests.flatMap(({ subnet, range, gateway, auxiliary }) =>
    subnet === undefined
      ? []
      : [
          {
            subnet,
            ...(range !== undefined && { range }),
            ...(gateway !== undefined && { gateway }),
            ...(auxiliary !== undefined && { auxiliary }),
            isAsked: true,
            isGatewayAsked: gateway !== undefined,
          },
        ],
  );
}

/** The feature over its parts. */
export function createChanges(parts: ChangeParts): NetworkChanges {
  const { records, events, catalog, ipam } = parts;
  // A name or a subnet that one asks for must not be given to another meanwhile.
  const lock = new Lock();

  function announce(action: 'create' | 'destroy', { id, name, driver }: NetworkRecord): void {
    events.publish({ type: 'network', action, id, attributes: { name, type: driver } });
  }

  function keep(network: NetworkRecord): void {
    records.transaction(() => {
      catalog.networks.put(network);
      announce('create', network);
    });
  }

  function recordOf(checked: CheckedRequest, pools: readonly PoolRecord[]): NetworkRecord {
    const { draft, ipamDriver, ipamOptions } = checked;
    return { ...draft, ipam: { driver: ipamDriver, options: ipamOptions, pools } };
  }

  function requestsOf({ draft, pools }: CheckedRequest, family: Family, driver: Driver | undefined): PoolRequest[] {
    return poolRequests(pools, family, driver?.wantsGateway(draft, family) ?? false);
  }

  /** Finds subnets, and has the driver make its side; once more where another engine was faster to take a subnet. */
  async function open(checked: CheckedRequest, driver: Driver): Promise<NetworkRecord> {
    const { draft } = checked;
    const [ipv4, ipv6] = [requestsOf(checked, 4, driver), requestsOf(checked, 6, driver)];
    const used = [...(draft.enableIpv4 ? ipv4 : []), ...(draft.enableIpv6 ? ipv6 : [])];
    const idle = unused([...(draft.enableIpv4 ? [] : ipv4), ...(draft.enableIpv6 ? [] : ipv6)]);
    driver.check(draft, used);
    for (let attempt = 1; ; attempt++) {
      const pools = await ipam.choose(checked.ipamDriver, checked.ipamOptions, used);
      const network = recordOf(checked, [...pools, ...idle]);
      ipam.add(network);
      try {
        const device = await driver.open(network);
        return device === undefined ? network : { ...network, device };
      } catch (error) {
        await ipam.giveBack(network);
        if (!(error instanceof SubnetTaken) || attempt === attemptLimit) throw error;
      }
    }
  }

  async function create(request: NetworkCreateRequest): Promise<NetworkCreated> {
    const checked = checkRequest(catalog, request, parts.driverOptions);
    const { draft } = checked;
    if (draft.isConfigOnly) {
      keep(recordOf(checked, unused([...requestsOf(checked, 4, undefined), ...requestsOf(checked, 6, undefined)])));
      return { Id: draft.id, Warning: '' };
    }
    const driver = parts.driverNamed(draft.driver);
    const network = await open(checked, driver);
    try {
      keep(network);
      parts.opened(network);
    } catch (error) {
      catalog.networks.delete(network.id);
      await driver.remove(network);
      await ipam.giveBack(network);
      throw error;
    }
    return { Id: network.id, Warning: '' };
  }

  /** Throws when the network is needed. */
  function checkUnused(network: NetworkRecord): void {
    const refused = 'error while removing network: ';
    const dependents = [...catalog.networks.all()].filter(({ configFrom }) => configFrom === network.name);
    if (network.isConfigOnly && dependents.length > 0) {
      throw fail('forbidden', `${refused}configuration network "${network.name}" is in use`);
    }
    const endpoints = catalog.endpointsIn(network.id);
    if (endpoints.length > 0 || parts.isAwaited(network.id)) {
      const list = endpoints.map(
        ({ sandbox, endpoint }) => `name:"${parts.nameOf(sandbox.id)}" id:"${shortId(endpoint.endpointId)}"`,
      );
      throw fail('forbidden', `${refused}network ${network.name} has active endpoints (${list.join(', ')})`);
    }
  }

  async function removeRecord(network: NetworkRecord): Promise<void> {
    checkUnused(network);
    records.transaction(() => {
      catalog.networks.delete(network.id);
      announce('destroy', network);
    });
    if (network.isConfigOnly) return;
    parts.closing(network);
    await parts.driverNamed(network.driver).remove(network);
    await ipam.giveBack(network);
  }

  async function remove(name: string): Promise<void> {
    const network = catalog.resolve(name);
    if (builtinNames.includes(network.name)) {
      throw fail('forbidden', `${network.name} is a pre-defined network and cannot be removed`);
    }
    await removeRecord(network);
  }

  async function prune(filters: Filters): Promise<string[]> {
    const matches = pruneTest(filters);
    const removed: string[] = [];
    for (const network of [...catalog.networks.all()]) {
      if (builtinNames.includes(network.name) || network.isConfigOnly || !matches(network)) continue;
      if (catalog.endpointsIn(network.id).length > 0 || parts.isAwaited(network.id)) continue;
      try {
        await removeRecord(network);
        removed.push(network.name);
      } catch (error) {
        log('warn', 'a network could not be pruned', { network: network.name, error: String(error) });
      }
    }
    events.publish({ type: 'network', action: 'prune', id: '', attributes: { reclaimed: '0' } });
    return removed;
  }

  /** What was said to be done is on disk: also a power cut does not undo it. */
  async function settled<T>(body: () => Promise<T>): Promise<T> {
    const result = await lock.run(body);
    await records.sync();
    return result;
  }

  return {
    create: (request) => settled(() => create(request)),
    remove: (name) => settled(() => remove(name)),
    prune: (filters) => settled(() => prune(filters)),
  };
}
