import { fail, runAll } from '#std/errors';
import type { EndpointRecord, SandboxRecord } from '../record.ts';
import type { EndpointRequest } from '../types.ts';
import {
  bringUpInside,
  endpointSysctls,
  insideIndex,
  joinableNetwork,
  namesOf,
  planEndpoint,
  plugEndpoint,
  releaseAddresses,
} from './endpoint.ts';
import { moveDefaultRoutes } from './gateway.ts';
import { withLentAddresses } from './lending.ts';
import { NameKeeping } from './name-keeping.ts';
import { openNamespace, type Workplace } from './namespace.ts';
import { gatewaysIn, publishedIn } from './publishing.ts';
import { announce, noneIsAlone, type SandboxParts } from './sandboxes.ts';

/** Takes running containers into networks and out of them. */
export interface Connections {
  connect(containerId: string, request: EndpointRequest): Promise<SandboxRecord>;
  disconnect(containerId: string, network: string): Promise<SandboxRecord>;
  /** Gives it another name; no error when it does not run. */
  rename(containerId: string, name: string): void;
}

/** The feature over its parts. */
export function createConnections(parts: SandboxParts): Connections {
  const { records, catalog, publishing, driverOf } = parts;
  const naming = new NameKeeping(parts);

  function sandboxOf(containerId: string): SandboxRecord {
    const record = catalog.sandboxes.get(containerId);
    if (record === undefined) throw fail('conflict', `container ${containerId} is not running`);
    return record;
  }

  function moveRoutes(place: Workplace, before: readonly EndpointRecord[], after: readonly EndpointRecord[]): void {
    const [from, to] = [gatewaysIn(catalog, before), gatewaysIn(catalog, after)];
    moveDefaultRoutes(place.route, from, to, (endpoint) => insideIndex(place, endpoint));
  }

  function plan(record: SandboxRecord, { network: name, settings }: EndpointRequest): EndpointRecord {
    const network = joinableNetwork(parts, name);
    const isIn = record.endpoints.some(({ networkId }) => networkId === network.id);
    if (isIn) {
      const words = `endpoint with name ${record.containerName} already exists in network ${network.name}`;
      throw fail('forbidden', words);
    }
    const others = record.endpoints.map(({ networkId }) => catalog.networks.get(networkId)?.driver);
    if (network.driver === 'null' || others.includes('null')) throw noneIsAlone();
    const taken = new Set(record.endpoints.map(({ interfaceName }) => interfaceName));
    return planEndpoint(parts, record, { network, settings }, taken);
  }

  /** The kernel's part of a new endpoint; leaves nothing when it throws. */
  async function plugIn(record: SandboxRecord, endpoint: EndpointRecord): Promise<EndpointRecord> {
    const network = catalog.resolve(endpoint.networkId);
    const driver = driverOf(network);
    if (driver === undefined) return endpoint;
    using place = openNamespace(record.namespacePath, [endpoint.ipv6 !== undefined]);
    const { hostIndex, insideIndex: index } = await plugEndpoint(network, driver, endpoint, place);
    const plugged = { ...endpoint, deviceIndex: hostIndex };
    try {
      place.route.transact(...bringUpInside(plugged, index));
      place.apply(endpointSysctls(plugged));
      moveRoutes(place, record.endpoints, [...record.endpoints, plugged]);
      return plugged;
    } catch (error) {
      moveRoutes(place, [...record.endpoints, plugged], record.endpoints);
      await driver.unplug(plugged, place);
      throw error;
    }
  }

  /** Publishes what had no gateway to be published over until now. */
  async function publishFirst(record: SandboxRecord): Promise<SandboxRecord> {
    if (publishedIn(record).length > 0) return record;
    const published = await publishing.allocate(record);
    catalog.sandboxes.put(published);
    publishing.publish(published);
    return published;
  }

  async function connect(containerId: string, request: EndpointRequest): Promise<SandboxRecord> {
    const before = sandboxOf(containerId);
    const endpoint = await withLentAddresses(parts, [request], () => plan(before, request));
    parts.awaited.add(endpoint);
    try {
      const after = await join(before, endpoint);
      await publishing.move(before, after);
      await naming.connect(before, after, endpoint);
      return await publishFirst(after);
    } finally {
      parts.awaited.delete(endpoint);
    }
  }

  /** The device, and the record that says so. */
  async function join(before: SandboxRecord, endpoint: EndpointRecord): Promise<SandboxRecord> {
    let after: SandboxRecord;
    try {
      const plugged = await plugIn(before, endpoint);
      // Its container may have a new name meanwhile.
      const present = catalog.sandboxes.get(before.id) ?? before;
      after = publishing.follow(present, [...present.endpoints, plugged]);
    } catch (error) {
      releaseAddresses(parts, endpoint);
      throw error;
    }
    records.transaction(() => {
      catalog.sandboxes.put(after);
      announce(parts, 'connect', before.id, [endpoint]);
    });
    return after;
  }

  async function unplug(before: SandboxRecord, after: SandboxRecord, endpoint: EndpointRecord): Promise<void> {
    const network = catalog.networks.get(endpoint.networkId);
    const driver = network && driverOf(network);
    if (driver === undefined) return;
    using place = openNamespace(before.namespacePath);
    await runAll([
      () => driver.silence(endpoint),
      () => moveRoutes(place, before.endpoints, after.endpoints),
      () => driver.unplug(endpoint, place),
    ]);
  }

  async function disconnect(containerId: string, name: string): Promise<SandboxRecord> {
    const before = sandboxOf(containerId);
    const network = catalog.resolve(name === 'default' ? 'bridge' : name);
    const endpoint = before.endpoints.find(({ networkId }) => networkId === network.id);
    if (endpoint === undefined) {
      throw fail('forbidden', `container ${containerId} is not connected to network ${network.name}`);
    }
    parts.awaited.add(endpoint);
    try {
      return await leave(before, endpoint);
    } finally {
      parts.awaited.delete(endpoint);
    }
  }

  /** Says first that the endpoint is gone, and makes it so: what a kill leaves of it then is nobody's. */
  async function leave(before: SandboxRecord, endpoint: EndpointRecord): Promise<SandboxRecord> {
    const rest = before.endpoints.filter((one) => one !== endpoint);
    const after = publishing.follow(before, rest);
    records.transaction(() => {
      catalog.sandboxes.put(after);
      announce(parts, 'disconnect', before.id, [endpoint]);
    });
    await runAll([
      () => naming.disconnect(after, endpoint),
      () => publishing.move(before, after),
      () => unplug(before, after, endpoint),
      () => releaseAddresses(parts, endpoint),
    ]);
    return after;
  }

  function rename(containerId: string, containerName: string): void {
    const before = catalog.sandboxes.get(containerId);
    if (before === undefined) return;
    const owner = { ...before, containerName };
    const endpoints = before.endpoints.map((endpoint) =>
      endpoint.names.length === 0 ? endpoint : { ...endpoint, names: namesOf(owner, endpoint.asked) },
    );
    const after = { ...owner, endpoints };
    catalog.sandboxes.put(after);
    naming.rename(after);
  }

  return { connect, disconnect, rename };
}
