import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Events } from '#events';
import { deleteNetworkNamespace } from '#linux/namespaces';
import type { NetlinkRequest } from '#linux/rtnetlink';
import { fail, kindOf, messageOf, runAll } from '#std/errors';
import type { Records } from '#store';
import type { Names } from '../names/index.ts';
import type { EndpointRecord, NetworkRecord, SandboxRecord } from '../record.ts';
import type { EndpointRequest, SandboxRequest } from '../types.ts';
import {
  askedNames,
  bringUpInside,
  type EndpointParts,
  endpointSysctls,
  joinableNetwork,
  loopbackUp,
  planEndpoint,
  plugEndpoint,
  releaseAddresses,
} from './endpoint.ts';
import { defaultRoutes } from './gateway.ts';
import { withLentAddresses } from './lending.ts';
import { NameKeeping } from './name-keeping.ts';
import { makeNamespace, sysctlsOf, type Workplace } from './namespace.ts';
import { gatewaysIn, type Publishing } from './publishing.ts';

/** What sandboxes are made of. */
export interface SandboxParts extends EndpointParts {
  readonly records: Records;
  readonly events: Events;
  readonly publishing: Publishing;
  readonly names: Names;
  /** Endpoints that are being made, and are in no record yet: their networks must not go meanwhile. */
  readonly awaited: Set<EndpointRecord>;
  /** Directory of the pinned namespaces. */
  readonly directory: string;
}

/** Makes and removes the network side of containers. Calls for one container come one after the other. */
export interface Sandboxes {
  create(request: SandboxRequest): Promise<SandboxRecord>;
  remove(containerId: string): Promise<void>;
}

/** Tells who listens that endpoints came or went; call it within the transaction that says so. */
export function announce(
  { events, catalog }: SandboxParts,
  action: 'connect' | 'disconnect',
  container: string,
  endpoints: readonly EndpointRecord[],
): void {
  for (const { networkId } of endpoints) {
    const { name = networkId, driver: type = 'bridge' } = catalog.networks.get(networkId) ?? {};
    events.publish({ type: 'network', action, id: networkId, attributes: { container, name, type } });
  }
}

/** Says in Docker's words that a start has failed for the network; settings of the kernel fail as the runtime's do. */
function startFailure(error: unknown): unknown {
  if (/^(?:open|write) \/proc\/sys\//.test(messageOf(error))) return error;
  return fail(kindOf(error), `failed to set up container networking: ${messageOf(error)}`, error);
}

/** Networks of a container, checked against each other. */
function joinAll(parts: SandboxParts, requests: readonly EndpointRequest[]) {
  const joined = requests.map(({ network, settings }) => ({ network: joinableNetwork(parts, network), settings }));
  if (joined.length > 1 && joined.some(({ network }) => network.driver === 'null')) throw noneIsAlone();
  const ids = new Set(joined.map(({ network }) => network.id));
  if (ids.size < joined.length) throw fail('forbidden', 'a container can be in a network only once');
  return joined;
}

/** `none` goes with no other network. */
export function noneIsAlone(): Error {
  return fail(
    'forbidden',
    'container cannot be connected to multiple networks with one of the networks in private (none) mode',
  );
}

/** The feature over its parts. */
export function createSandboxes(parts: SandboxParts): Sandboxes {
  const { records, catalog, publishing, directory, driverOf, awaited } = parts;
  const naming = new NameKeeping(parts);
  mkdirSync(directory, { recursive: true, mode: 0o700 });

  function networkOf({ networkId }: EndpointRecord): NetworkRecord {
    const network = catalog.networks.get(networkId);
    if (network === undefined) throw fail('not-found', `network ${networkId} not found`);
    return network;
  }

  /** Plans all endpoints, or none: then no address stays taken. */
  function plan(request: SandboxRequest): EndpointRecord[] {
    const owner = { ...request, id: request.containerId };
    const names = new Set(askedNames(request.endpoints));
    const planned: EndpointRecord[] = [];
    try {
      for (const one of joinAll(parts, request.endpoints)) {
        const endpoint = planEndpoint(parts, owner, one, names);
        names.add(endpoint.interfaceName);
        planned.push(endpoint);
      }
      return planned;
    } catch (error) {
      for (const endpoint of planned) releaseAddresses(parts, endpoint);
      throw error;
    }
  }

  /** Puts all devices into a namespace, and brings them up with their addresses and routes. */
  async function fill(place: Workplace, endpoints: readonly EndpointRecord[]): Promise<EndpointRecord[]> {
    const requests: NetlinkRequest[] = [loopbackUp];
    const inside = new Map<string, number>();
    const plugged: EndpointRecord[] = [];
    for (const endpoint of endpoints) {
      const network = networkOf(endpoint);
      const driver = driverOf(network);
      if (driver === undefined) {
        plugged.push(endpoint);
        continue;
      }
      const { hostIndex, insideIndex } = await plugEndpoint(network, driver, endpoint, place);
      inside.set(endpoint.endpointId, insideIndex);
      requests.push(...bringUpInside(endpoint, insideIndex));
      plugged.push({ ...endpoint, deviceIndex: hostIndex });
    }
    requests.push(...defaultRoutes(gatewaysIn(catalog, plugged), ({ endpointId }) => inside.get(endpointId) ?? 0));
    place.route.transact(...requests);
    return plugged;
  }

  /** The kernel's part; leaves nothing when it throws. */
  async function realize(record: SandboxRecord, asked: SandboxRequest['sysctls']): Promise<SandboxRecord> {
    const sysctls = sysctlsOf(asked);
    const ipv6 = record.endpoints.filter(({ device }) => device !== '').map((endpoint) => endpoint.ipv6 !== undefined);
    const place = makeNamespace(record.namespacePath, Object.keys(sysctls), ipv6);
    try {
      const endpoints = await fill(place, record.endpoints);
      place.apply(Object.assign({ ...sysctls }, ...endpoints.map(endpointSysctls)));
      return { ...record, endpoints };
    } catch (error) {
      deleteNetworkNamespace(record.namespacePath);
      throw error;
    } finally {
      place[Symbol.dispose]();
    }
  }

  function keep(record: SandboxRecord): SandboxRecord {
    records.transaction(() => {
      catalog.sandboxes.put(record);
      if (record.isUnannounced !== true) announce(parts, 'connect', record.id, record.endpoints);
    });
    return record;
  }

  function draft(request: SandboxRequest, endpoints: readonly EndpointRecord[]): SandboxRecord {
    const { containerId: id, containerName, hostname, portBindings, exposedPorts, publishAll, resolver } = request;
    const namespacePath = join(directory, id);
    const wishes = { portBindings, exposedPorts, publishAll };
    const quiet = request.isUnannounced === true && { isUnannounced: true };
    return { id, containerName, hostname, namespacePath, endpoints, wishes, ports: {}, resolver, ...quiet };
  }

  async function make(request: SandboxRequest): Promise<SandboxRecord> {
    const endpoints = await withLentAddresses(parts, request.endpoints, () => plan(request));
    for (const endpoint of endpoints) awaited.add(endpoint);
    let record = draft(request, endpoints);
    try {
      record = await publishing.allocate(record);
      return keep(await realize(record, request.sysctls));
    } catch (error) {
      publishing.release(record);
      for (const endpoint of endpoints) releaseAddresses(parts, endpoint);
      throw error;
    } finally {
      for (const endpoint of endpoints) awaited.delete(endpoint);
    }
  }

  async function create(request: SandboxRequest): Promise<SandboxRecord> {
    // What an earlier start of this container has left.
    if (catalog.sandboxes.get(request.containerId) !== undefined) await remove(request.containerId);
    try {
      const record = await make(request);
      try {
        publishing.publish(record);
        await naming.start(record);
      } catch (error) {
        await remove(record.id);
        throw error;
      }
      return record;
    } catch (error) {
      throw startFailure(error);
    }
  }

  async function remove(containerId: string): Promise<void> {
    const record = catalog.sandboxes.get(containerId);
    if (record === undefined) return;
    const { namespacePath, endpoints } = record;
    // Their networks may be removed as soon as the record is gone.
    const drivers = endpoints.map((endpoint) => driverOf(networkOf(endpoint)));
    records.transaction(() => {
      catalog.sandboxes.delete(containerId);
      if (record.isUnannounced !== true) announce(parts, 'disconnect', record.id, endpoints);
    });
    await runAll([
      () => publishing.withdraw(record),
      () => naming.stop(record),
      // The kernel takes devices away in its own time; what is left of the dead must not answer for an address that has
      // a new owner.
      ...endpoints.map((endpoint, index) => () => drivers[index]?.silence(endpoint)),
      () => deleteNetworkNamespace(namespacePath),
      () => publishing.release(record),
      ...endpoints.map((endpoint) => () => releaseAddresses(parts, endpoint)),
    ]);
  }

  return { create, remove };
}
