import { fail, messageOf } from '#std/errors';
import type { NetworkCatalog } from '../catalog.ts';
import type { Driver } from '../drivers/driver.ts';
import type { Firewall } from '../firewall/firewall.ts';
import { type PortTarget, type Redirection, redirectionsOf } from '../firewall/state.ts';
import type { PortAllocator, PublishTarget } from '../ports/allocator.ts';
import { portMap } from '../ports/present.ts';
import { planPorts } from '../ports/request.ts';
import type { EndpointRecord, NetworkRecord, PublishedPort, SandboxRecord } from '../record.ts';
import { type Gateways, gatewaysOf } from './gateway.ts';

/** What publishes ports. */
export interface PublishingParts {
  readonly catalog: NetworkCatalog;
  readonly firewall: Firewall;
  readonly ports: PortAllocator;
  readonly driverOf: (network: NetworkRecord) => Driver | undefined;
}

/** Where an endpoint's ports lead to. */
export function targetOf({ networks }: NetworkCatalog, endpoint: EndpointRecord): PortTarget {
  const { networkId, ipv4, ipv6 } = endpoint;
  return {
    device: networks.get(networkId)?.device?.name ?? '',
    ...(ipv4 !== undefined && { ipv4: ipv4.address }),
    ...(ipv6 !== undefined && { ipv6: ipv6.address }),
  };
}

/** The redirections of all ports of a sandbox. */
export function redirectionsIn(catalog: NetworkCatalog, { endpoints }: SandboxRecord): Redirection[] {
  return endpoints.flatMap((endpoint) =>
    endpoint.published.length === 0 ? [] : redirectionsOf(endpoint.published, targetOf(catalog, endpoint)),
  );
}

/** All published ports of a sandbox. */
export function publishedIn({ endpoints }: Pick<SandboxRecord, 'endpoints'>): PublishedPort[] {
  return endpoints.flatMap(({ published }) => published);
}

/** The ways out of a sandbox. */
export function gatewaysIn({ networks }: NetworkCatalog, endpoints: readonly EndpointRecord[]): Gateways {
  return gatewaysOf(endpoints, (id) => networks.get(id)?.name ?? id);
}

/** Gives each port to the endpoint that is the way out of its family: IPv6 falls back on IPv4. */
function spread(
  endpoints: readonly EndpointRecord[],
  { ipv4, ipv6 }: Gateways,
  published: readonly PublishedPort[],
): EndpointRecord[] {
  const ownerOf = ({ hostAddress }: PublishedPort) => (hostAddress.includes(':') ? (ipv6 ?? ipv4) : (ipv4 ?? ipv6));
  return endpoints.map((endpoint) => ({
    ...endpoint,
    published: published.filter((port) => ownerOf(port)?.endpointId === endpoint.endpointId),
  }));
}

/** Publishes the ports that containers ask for, wherever their gateway is. */
export class Publishing {
  constructor(readonly parts: PublishingParts) {}

  /** Finds and takes host ports for all that a sandbox wishes; the record says then which. Nothing leads anywhere yet. */
  async allocate(record: SandboxRecord): Promise<SandboxRecord> {
    const { catalog, ports } = this.parts;
    const { wishes, endpoints, containerName } = record;
    const plan = planPorts(wishes);
    const isConnected = endpoints.some(({ interfaceName }) => interfaceName !== '');
    const gateways = gatewaysIn(catalog, endpoints);
    const way = gateways.ipv4 ?? gateways.ipv6;
    if (way === undefined || plan.requests.length === 0) {
      return { ...record, ports: isConnected ? portMap(plan.keys, []) : {} };
    }
    try {
      const published = await ports.allocate(plan.requests, this.#target(record, gateways));
      return { ...record, endpoints: spread(endpoints, gateways, published), ports: portMap(plan.keys, published) };
    } catch (error) {
      const endpoint = `${containerName} (${way.endpointId})`;
      const words = `driver failed programming external connectivity on endpoint ${endpoint}: ${messageOf(error)}`;
      throw fail('internal', words, error);
    }
  }

  /**
   * The record of a sandbox whose endpoints are others now: its ports follow the gateway, under the host ports that they
   * have. Without a gateway none is published.
   */
  follow(record: SandboxRecord, endpoints: readonly EndpointRecord[]): SandboxRecord {
    const moved = spread(endpoints, gatewaysIn(this.parts.catalog, endpoints), publishedIn(record));
    return {
      ...record,
      endpoints: moved,
      ports: portMap(Object.keys(record.ports), publishedIn({ endpoints: moved })),
    };
  }

  /** Where the ports of a container lead to that has these ways out. */
  #target({ containerName: owner }: SandboxRecord, { ipv4, ipv6 }: Gateways): PublishTarget {
    const factsOf = (endpoint: EndpointRecord | undefined) => {
      const network = endpoint && this.parts.catalog.networks.get(endpoint.networkId);
      return network && this.parts.driverOf(network)?.publishing(network);
    };
    const [facts4, facts6] = [factsOf(ipv4), factsOf(ipv6)];
    const defaultAddress = (facts4 ?? facts6)?.defaultAddress;
    return {
      device: '',
      ...(ipv4?.ipv4 !== undefined && facts4 !== undefined && { ipv4: ipv4.ipv4.address }),
      ...(ipv6?.ipv6 !== undefined && facts6 !== undefined && { ipv6: ipv6.ipv6.address }),
      modes: { ...(facts4 && { ipv4: facts4.modes[4] }), ...(facts6 && { ipv6: facts6.modes[6] }) },
      ...(defaultAddress !== undefined && { defaultAddress }),
      owner,
    };
  }

  /** Makes the ports of a record lead to where it says. */
  publish(record: SandboxRecord): void {
    const redirections = redirectionsIn(this.parts.catalog, record);
    if (redirections.length > 0) this.parts.firewall.publish(redirections);
  }

  /** The opposite; the host ports stay taken. */
  withdraw(record: SandboxRecord): void {
    const redirections = redirectionsIn(this.parts.catalog, record);
    if (redirections.length > 0) this.parts.firewall.withdraw(redirections);
  }

  release(record: SandboxRecord): void {
    this.parts.ports.release(publishedIn(record));
  }

  /** Holds the ports of a record, which are its own; returns those that another process has too. */
  async hold(record: SandboxRecord): Promise<PublishedPort[]> {
    const failed: PublishedPort[] = [];
    for (const endpoint of record.endpoints) {
      if (endpoint.published.length === 0) continue;
      const target = this.#target(record, gatewaysIn(this.parts.catalog, [endpoint]));
      failed.push(...(await this.parts.ports.restore(endpoint.published, target)));
    }
    return failed;
  }

  /** Brings the rules from one record of a sandbox to its next. */
  async move(before: SandboxRecord, after: SandboxRecord): Promise<void> {
    const { catalog } = this.parts;
    if (JSON.stringify(redirectionsIn(catalog, before)) === JSON.stringify(redirectionsIn(catalog, after))) return;
    this.withdraw(before);
    this.release(before);
    await this.hold(after);
    this.publish(after);
  }
}
