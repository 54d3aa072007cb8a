import type { NetworkCatalog } from '../catalog.ts';
import type { Names } from '../names/index.ts';
import type { EndpointRecord, SandboxRecord } from '../record.ts';

/** Tells the name service of endpoints that come and go. */
export class NameKeeping {
  constructor(readonly parts: { readonly catalog: NetworkCatalog; readonly names: Names }) {}

  #add({ id }: SandboxRecord, endpoint: EndpointRecord): void {
    const { networkId, endpointId, names, ipv4, ipv6, asked } = endpoint;
    const { names: service, catalog } = this.parts;
    if (names.length === 0) return;
    service.add(networkId, catalog.networks.get(networkId)?.name ?? '', {
      endpointId,
      containerId: id,
      names,
      ...(ipv4 !== undefined && { ipv4: ipv4.address }),
      ...(ipv6 !== undefined && { ipv6: ipv6.address }),
    });
    const links = (asked.Links ?? []).map((link): [string, string] => {
      const [name = '', alias = name] = link.split(':');
      return [alias, name];
    });
    if (links.length > 0) service.setLinks(id, networkId, new Map(links));
  }

  #setForwarding({ id, endpoints }: SandboxRecord): void {
    const { names, catalog } = this.parts;
    names.setForwarding(
      id,
      endpoints.some(({ networkId }) => catalog.networks.get(networkId)?.isInternal === false),
    );
  }

  /** A sandbox is there, with its names and, where it is in a network with names, its resolver. */
  async start(record: SandboxRecord): Promise<void> {
    const { names } = this.parts;
    if (!hasNames(record)) return;
    for (const endpoint of record.endpoints) this.#add(record, endpoint);
    this.#setForwarding(record);
    await names.serve(record.id, record.namespacePath, record.resolver);
  }

  /** An endpoint came to a sandbox that is there. */
  async connect(before: SandboxRecord, after: SandboxRecord, endpoint: EndpointRecord): Promise<void> {
    if (!hasNames(before)) return this.start(after);
    this.#add(after, endpoint);
    this.#setForwarding(after);
  }

  /** An endpoint has gone from a sandbox. Its resolver stays: the container's resolv.conf names it. */
  disconnect(after: SandboxRecord, endpoint: EndpointRecord): void {
    const { names } = this.parts;
    if (endpoint.names.length === 0) return;
    names.remove(endpoint.networkId, endpoint.endpointId);
    this.#setForwarding(after);
  }

  /** All names of a sandbox may be others now. */
  rename(after: SandboxRecord): void {
    for (const endpoint of after.endpoints) this.#add(after, endpoint);
  }

  /** A sandbox has gone. */
  stop({ id, endpoints }: SandboxRecord): void {
    const { names } = this.parts;
    for (const endpoint of endpoints) {
      if (endpoint.names.length > 0) names.remove(endpoint.networkId, endpoint.endpointId);
    }
    names.stop(id);
  }
}

function hasNames({ endpoints }: SandboxRecord): boolean {
  return endpoints.some(({ names }) => names.length > 0);
}
