import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { EndpointSettings } from '#api';
import type { Events } from '#events';
import { hasCode } from '#linux/errno';
import type { RouteSocket } from '#linux/rtnetlink';
import { fail, kindOf, messageOf, runAll } from '#std/errors';
import { newId } from '#std/identifiers';
import type { Records } from '#store';
import { macOf, parseSubnet } from '../bridge/addresses.ts';
import type { DefaultBridge } from '../bridge/default-bridge.ts';
import type { NetworkCatalog } from '../catalog.ts';
import { unconnectedEndpoint } from '../endpoint.ts';
import type { Firewall } from '../firewall/firewall.ts';
import { redirectionsOf } from '../firewall/state.ts';
import type { PortAllocator } from '../ports/allocator.ts';
import { portMap } from '../ports/present.ts';
import { type PortPlan, planPorts } from '../ports/request.ts';
import type { AttachmentRecord, BridgeRecord, NetworkRecord, PublishedPort, SandboxRecord } from '../record.ts';
import type { SandboxRequest } from '../types.ts';
import { type Attachment, createSandbox, dropSandbox } from './namespace.ts';

/** What sandboxes are made of. */
export interface SandboxParts {
  readonly records: Records;
  readonly events: Events;
  readonly catalog: NetworkCatalog;
  readonly bridge: DefaultBridge;
  readonly firewall: Firewall;
  readonly ports: PortAllocator;
  readonly route: RouteSocket;
  /** Directory of the pinned namespaces. */
  readonly directory: string;
}

/** Makes and removes the network side of containers. */
export interface Sandboxes {
  create(request: SandboxRequest): Promise<SandboxRecord>;
  remove(containerId: string): Promise<void>;
}

/** An endpoint without any address, as `none` has it. */
function emptyEndpoint(network: NetworkRecord, request: SandboxRequest): EndpointSettings {
  const { IPAMConfig = null, Links = null, Aliases = null, DriverOpts = null, GwPriority = 0 } = request.endpoint ?? {};
  const asked = { IPAMConfig, Links, Aliases, DriverOpts, GwPriority };
  return { ...unconnectedEndpoint, ...asked, NetworkID: network.id, EndpointID: newId() };
}

/** The device and addresses of an endpoint on a bridge; `deviceIndex` is not known before it is made. */
export function attachmentOf(
  bridge: BridgeRecord,
  bridgeIndex: number,
  record: Omit<AttachmentRecord, 'deviceIndex' | 'networkId'>,
): Attachment {
  const { device, address, mac, interfaceName = 'eth0', linkLocalAddresses = [] } = record;
  const { prefixLength } = parseSubnet(bridge.subnet);
  const given = { device, address, mac, interfaceName, linkLocalAddresses };
  return { ...given, bridgeIndex, mtu: bridge.mtu, prefixLength, gateway: bridge.gateway };
}

/** The feature over its parts. */
export function createSandboxes(parts: SandboxParts): Sandboxes {
  const { records, events, catalog, bridge, firewall, ports, route, directory } = parts;
  mkdirSync(directory, { recursive: true, mode: 0o700 });

  function announce(action: 'connect' | 'disconnect', record: SandboxRecord): void {
    for (const [name, { NetworkID }] of Object.entries(record.endpoints)) {
      const type = catalog.networks.get(NetworkID)?.driver ?? 'bridge';
      const attributes = { container: record.id, name, type };
      events.publish({ type: 'network', action, id: NetworkID, attributes });
    }
  }

  function keep(record: SandboxRecord): SandboxRecord {
    records.transaction(() => {
      catalog.sandboxes.put(record);
      announce('connect', record);
    });
    return record;
  }

  function createUnconnected(request: SandboxRequest, network: NetworkRecord): SandboxRecord {
    const namespacePath = join(directory, request.containerId);
    createSandbox(route, namespacePath, undefined, request.sysctls);
    return keep({
      id: request.containerId,
      containerName: request.containerName,
      namespacePath,
      endpoints: { [network.name]: emptyEndpoint(network, request) },
      ports: {},
      published: [],
    });
  }

  async function allocatePorts(plan: PortPlan, request: SandboxRequest, endpointId: string, address: string) {
    try {
      const { device } = bridge.record();
      return await ports.allocate(plan.requests, { device, ipv4: address, owner: request.containerName });
    } catch (error) {
      const endpoint = `${request.containerName} (${endpointId})`;
      throw fail(
        'internal',
        `failed to set up container networking: driver failed programming external connectivity on endpoint ${endpoint}: ${messageOf(error)}`,
        error,
      );
    }
  }

  /** The kernel's part. A bridge that somebody has deleted under us is made again. */
  function attach(request: SandboxRequest, path: string, wanted: Omit<AttachmentRecord, 'deviceIndex'>): number {
    const attempt = (): number => {
      const attachment = attachmentOf(bridge.record(), bridge.index(), wanted);
      return createSandbox(route, path, attachment, request.sysctls) ?? 0;
    };
    try {
      return attempt();
    } catch (error) {
      if (!hasCode(error, 'ENODEV') && !hasCode(error, 'EINVAL')) throw error;
      bridge.restore();
      return attempt();
    }
  }

  function connect(
    request: SandboxRequest,
    network: NetworkRecord,
    plan: PortPlan,
    given: { endpoint: EndpointSettings; address: string; published: readonly PublishedPort[] },
  ): SandboxRecord {
    const { endpoint, address, published } = given;
    const namespacePath = join(directory, request.containerId);
    const asked = request.endpoint?.MacAddress ?? '';
    const mac = asked === '' ? macOf(address) : asked;
    const device = bridge.deviceName(endpoint.EndpointID);
    const { interfaceName, linkLocalAddresses = [] } = request;
    const wanted = {
      ...{ networkId: network.id, device, address, mac },
      ...(interfaceName !== undefined && { interfaceName }),
      ...(linkLocalAddresses.length > 0 && { linkLocalAddresses }),
    };
    const deviceIndex = attach(request, namespacePath, wanted);
    const { gateway, subnet } = bridge.record();
    const addresses = { Gateway: gateway, IPAddress: address, IPPrefixLen: parseSubnet(subnet).prefixLength };
    return {
      id: request.containerId,
      containerName: request.containerName,
      namespacePath,
      attachment: { ...wanted, deviceIndex },
      endpoints: { [network.name]: { ...endpoint, ...addresses, MacAddress: mac } },
      ports: portMap(plan.keys, published),
      published,
    };
  }

  function redirections(published: readonly PublishedPort[], address: string) {
    return redirectionsOf(published, { device: bridge.record().device, ipv4: address });
  }

  async function createConnected(request: SandboxRequest, network: NetworkRecord): Promise<SandboxRecord> {
    if ((request.endpoint?.IPAMConfig?.IPv4Address ?? '') !== '') {
      throw fail('invalid-argument', 'user specified IP address is supported on user defined networks only');
    }
    const plan = planPorts(request);
    const endpoint = emptyEndpoint(network, request);
    const address = bridge.addresses.allocate();
    let published: readonly PublishedPort[] = [];
    let record: SandboxRecord;
    try {
      published = await allocatePorts(plan, request, endpoint.EndpointID, address);
      record = keep(connect(request, network, plan, { endpoint, address, published }));
    } catch (error) {
      ports.release(published);
      bridge.addresses.release(address);
      throw error;
    }
    try {
      if (published.length > 0) firewall.publish(redirections(published, address));
    } catch (error) {
      await remove(request.containerId);
      throw error;
    }
    return record;
  }

  function resolve(name: string): NetworkRecord {
    try {
      return catalog.resolve(name);
    } catch (error) {
      throw fail(kindOf(error), `failed to set up container networking: ${messageOf(error)}`, error);
    }
  }

  async function create(request: SandboxRequest): Promise<SandboxRecord> {
    // What an earlier start of this container has left.
    if (catalog.sandboxes.get(request.containerId) !== undefined) await remove(request.containerId);
    const name = request.networkMode === 'default' ? 'bridge' : request.networkMode;
    const network = resolve(name);
    if (network.driver === 'null') return createUnconnected(request, network);
    if (network.driver === 'bridge') return createConnected(request, network);
    throw fail('invalid-argument', `network ${network.name} has no sandbox of its own`);
  }

  async function remove(containerId: string): Promise<void> {
    const record = catalog.sandboxes.get(containerId);
    if (record === undefined) return;
    const { attachment, namespacePath, published } = record;
    records.transaction(() => {
      catalog.sandboxes.delete(containerId);
      announce('disconnect', record);
    });
    await runAll([
      () => {
        if (attachment === undefined || published.length === 0) return;
        firewall.withdraw(redirections(published, attachment.address));
      },
      () => dropSandbox(route, namespacePath, attachment),
      () => ports.release(published),
      () => {
        if (attachment !== undefined) bridge.addresses.release(attachment.address);
      },
    ]);
  }

  return { create, remove };
}
