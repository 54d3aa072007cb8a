import { isIP } from 'node:net';
import { addressBytes } from '#linux/socket-address';
import { addressRecord, encodeName, pointerRecord, recordType, reverseName } from './message.ts';
import type { NamedEndpoint } from './types.ts';

/** The records of one name: those that a question of that type gets. */
export interface Known {
  readonly ipv4: readonly Buffer[];
  readonly ipv6: readonly Buffer[];
}

interface Endpoint extends Known {
  readonly endpointId: string;
  readonly containerId: string;
  readonly keys: ReadonlySet<string>;
  /** The name by which an address of it is asked for -> the record that names it. */
  readonly reverse: ReadonlyMap<string, Buffer>;
}

interface Network {
  readonly id: string;
  /** Its name as questions have it behind the name of an endpoint. */
  readonly key: string | undefined;
  readonly endpoints: Map<string, Endpoint>;
  readonly byName: Map<string, Set<Endpoint>>;
  readonly reverse: Map<string, Buffer>;
}

interface View {
  /** In the order in which the container came into them. */
  readonly networks: Set<Network>;
  /** Network -> alias -> name. */
  readonly links: Map<string, ReadonlyMap<string, string>>;
  /** What was found for names that are known. */
  readonly found: Map<string, Known>;
}

/** The bytes of an address, written with or without a prefix length. */
function bytesOf(text: string | undefined): Buffer | undefined {
  const [address = ''] = (text ?? '').split('/');
  return isIP(address) === 0 ? undefined : addressBytes(address);
}

function toEndpoint(networkName: string, { endpointId, containerId, names, ipv4, ipv6 }: NamedEndpoint): Endpoint {
  const addresses = [bytesOf(ipv4), bytesOf(ipv6)];
  const pointer = pointerRecord(`${names[0] ?? ''}.${networkName}`);
  const recordsOf = (address: Buffer | undefined): Buffer[] => (address === undefined ? [] : [addressRecord(address)]);
  return {
    endpointId,
    containerId,
    keys: new Set(names.flatMap((name) => encodeName(name) ?? [])),
    ipv4: recordsOf(addresses[0]),
    ipv6: recordsOf(addresses[1]),
    reverse: new Map(
      addresses.flatMap((address) =>
        address === undefined || pointer === undefined ? [] : [[reverseName(address), pointer] as const],
      ),
    ),
  };
}

/** A name's ways to be split in two: what is in front, and behind a dot, the name of a network. */
function* splits(name: string): Iterable<readonly [string, string]> {
  for (let at = 1 + name.charCodeAt(0); at < name.length - 1; at += 1 + name.charCodeAt(at)) {
    yield [`${name.slice(0, at)}\0`, name.slice(at)];
  }
}

/** All names of all networks, and what each container sees of them. */
export class Registry {
  readonly #networks = new Map<string, Network>();
  readonly #views = new Map<string, View>();

  add(networkId: string, networkName: string, added: NamedEndpoint): void {
    this.remove(networkId, added.endpointId);
    let network = this.#networks.get(networkId);
    if (network === undefined) {
      const empty = { endpoints: new Map(), byName: new Map(), reverse: new Map() };
      network = { id: networkId, key: encodeName(networkName), ...empty };
      this.#networks.set(networkId, network);
    }
    const endpoint = toEndpoint(networkName, added);
    network.endpoints.set(endpoint.endpointId, endpoint);
    for (const key of endpoint.keys) {
      const known = network.byName.get(key);
      if (known === undefined) network.byName.set(key, new Set([endpoint]));
      else known.add(endpoint);
    }
    for (const [key, pointer] of endpoint.reverse) network.reverse.set(key, pointer);
    this.#view(endpoint.containerId).networks.add(network);
    this.#forget(network);
  }

  remove(networkId: string, endpointId: string): void {
    const network = this.#networks.get(networkId);
    const endpoint = network?.endpoints.get(endpointId);
    if (network === undefined || endpoint === undefined) return;
    this.#forget(network);
    network.endpoints.delete(endpointId);
    for (const key of endpoint.keys) {
      const known = network.byName.get(key);
      known?.delete(endpoint);
      if (known?.size === 0) network.byName.delete(key);
    }
    for (const [key, pointer] of endpoint.reverse) {
      if (network.reverse.get(key) === pointer) network.reverse.delete(key);
    }
    const view = this.#view(endpoint.containerId);
    view.networks.delete(network);
    if (view.networks.size === 0 && view.links.size === 0) this.#views.delete(endpoint.containerId);
    if (network.endpoints.size === 0) this.#networks.delete(networkId);
  }

  setLinks(containerId: string, networkId: string, links: ReadonlyMap<string, string>): void {
    const view = this.#view(containerId);
    const keys = new Map<string, string>();
    for (const [alias, target] of links) {
      const [from, to] = [encodeName(alias), encodeName(target)];
      if (from !== undefined && to !== undefined) keys.set(from, to);
    }
    if (keys.size === 0) view.links.delete(networkId);
    else view.links.set(networkId, keys);
    view.found.clear();
    if (view.networks.size === 0 && view.links.size === 0) this.#views.delete(containerId);
  }

  forgetLinks(containerId: string): void {
    for (const networkId of [...(this.#views.get(containerId)?.links.keys() ?? [])]) {
      this.setLinks(containerId, networkId, new Map());
    }
  }

  /** What the name, as it is in messages, is to the container; undefined when no container of its networks has it. */
  find(containerId: string, name: string): Known | undefined {
    const view = this.#views.get(containerId);
    if (view === undefined) return undefined;
    const before = view.found.get(name);
    if (before !== undefined) return before;
    const found = search(view, name);
    if (found !== undefined) view.found.set(name, found);
    return found;
  }

  /** Whose address it is that is asked for by `name`: the record that says it. */
  findOwner(containerId: string, name: string): Buffer | undefined {
    for (const network of this.#views.get(containerId)?.networks ?? []) {
      const pointer = network.reverse.get(name);
      if (pointer !== undefined) return pointer;
    }
    return undefined;
  }

  #view(containerId: string): View {
    let view = this.#views.get(containerId);
    if (view === undefined) {
      view = { networks: new Set(), links: new Map(), found: new Map() };
      this.#views.set(containerId, view);
    }
    return view;
  }

  #forget(network: Network): void {
    for (const { containerId } of network.endpoints.values()) this.#views.get(containerId)?.found.clear();
  }
}

/** The whole name in all networks, then each way to take its end for the name of a network. */
function search(view: View, name: string): Known | undefined {
  const whole = searchIn(view, name, [...view.networks]);
  if (whole !== undefined) return whole;
  for (const [front, behind] of splits(name)) {
    const known = searchIn(
      view,
      front,
      [...view.networks].filter(({ key }) => key === behind),
    );
    if (known !== undefined) return known;
  }
  return undefined;
}

/** Each kind of address from the first network that has one: links before names. */
function searchIn(view: View, name: string, networks: readonly Network[]): Known | undefined {
  const found: Known[] = [];
  for (const { id, byName } of networks) {
    const target = view.links.get(id)?.get(name);
    const endpoints = target === undefined ? undefined : byName.get(target);
    if (endpoints !== undefined) found.push(merge(endpoints));
  }
  for (const { byName } of networks) {
    const endpoints = byName.get(name);
    if (endpoints !== undefined) found.push(merge(endpoints));
  }
  if (found.length === 0) return undefined;
  return {
    ipv4: found.find(({ ipv4 }) => ipv4.length > 0)?.ipv4 ?? [],
    ipv6: found.find(({ ipv6 }) => ipv6.length > 0)?.ipv6 ?? [],
  };
}

function merge(endpoints: ReadonlySet<Endpoint>): Known {
  const all = [...endpoints];
  return { ipv4: all.flatMap(({ ipv4 }) => ipv4), ipv6: all.flatMap(({ ipv6 }) => ipv6) };
}

/** The records of a known name for a question of that type; undefined for a type that has to be asked for outside. */
export function recordsFor(known: Known, type: number): readonly Buffer[] | undefined {
  if (type === recordType.a) return known.ipv4;
  if (type === recordType.aaaa) return known.ipv6;
  return type === recordType.mx ? [] : undefined;
}
