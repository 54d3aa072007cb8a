import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerInspect, EndpointSettings, NetworkInspect } from '#api';
import { inNetworkNamespace } from '#linux/namespaces';
import { runNftables } from '#linux/nftables';
import { type Link, RouteSocket } from '#linux/rtnetlink';
import { type TestEngine, until } from '../harness/index.ts';

/** What the API says of an engine's networks and of the containers that run in them. */
export interface NetworkOrder {
  readonly networks: readonly NetworkInspect[];
  readonly containers: readonly ContainerInspect[];
}

/** Asks for all of it. */
export async function askOrder(engine: TestEngine): Promise<NetworkOrder> {
  const listed = await engine.get<{ Id: string }[]>('/networks');
  const running = await engine.get<{ Id: string }[]>('/containers/json');
  return {
    networks: await Promise.all(listed.map(({ Id }) => engine.get<NetworkInspect>(`/networks/${Id}`))),
    containers: await Promise.all(running.map(({ Id }) => engine.get<ContainerInspect>(`/containers/${Id}/json`))),
  };
}

const endpointsOf = (container: ContainerInspect): [network: string, endpoint: EndpointSettings][] =>
  Object.entries(container.NetworkSettings.Networks);

function addressesOf({ IPAddress, GlobalIPv6Address }: EndpointSettings): string[] {
  return [IPAddress, GlobalIPv6Address].filter((address) => address !== '');
}

/** Name of a network's bridge. */
function bridgeOf({ Options, Id }: NetworkInspect): string {
  return Options['com.docker.network.bridge.name'] ?? `br-${Id.slice(0, 12)}`;
}

/** Where inspect of a network and of a container tell different things. */
function contradictions({ networks, containers }: NetworkOrder): string[] {
  const byContainer = containers.flatMap((container) =>
    endpointsOf(container).map(([network, { EndpointID, MacAddress, ...endpoint }]) => {
      const addresses = addressesOf({ EndpointID, MacAddress, ...endpoint }).join(' ');
      return `${network} ${container.Id} ${EndpointID} ${MacAddress} ${addresses}`;
    }),
  );
  const byNetwork = networks.flatMap(({ Name, Containers }) =>
    Object.entries(Containers).map(([id, { EndpointID, MacAddress, IPv4Address, IPv6Address }]) => {
      const addresses = [IPv4Address, IPv6Address].filter((one) => one !== '').map((one) => one.split('/')[0]);
      return `${Name} ${id} ${EndpointID} ${MacAddress} ${addresses.join(' ')}`;
    }),
  );
  const [one, other] = [new Set(byContainer), new Set(byNetwork)];
  return [
    ...[...one.difference(other)].map((said) => `only its container says: ${said}`),
    ...[...other.difference(one)].map((said) => `only its network says: ${said}`),
  ];
}

function twice({ containers }: NetworkOrder): string[] {
  const all = containers.flatMap((container) => endpointsOf(container).flatMap(([, one]) => addressesOf(one)));
  return all.filter((address, index) => all.indexOf(address) !== index).map((address) => `given twice: ${address}`);
}

/** An address in its shortest form, as the API has them. */
function shortest(address: string): string {
  return address.includes(':') ? new URL(`http://[${address}]`).hostname.slice(1, -1) : address;
}

/** What a container's namespace holds beside what inspect says. */
function insideComplaints(container: ContainerInspect): string[] {
  const endpoints = endpointsOf(container).map(([, endpoint]) => endpoint);
  const { links, addresses, hasRoute } = inNetworkNamespace(`/proc/${container.State.Pid}/ns/net`, () => {
    using route = new RouteSocket();
    return { links: route.links().length - 1, addresses: route.addresses(), hasRoute: route.hasDefaultRoute() };
  });
  const present = new Set(
    addresses.map(({ address }) => shortest(address)).filter((one) => !/^(?:127\.|::1$|fe80:)/.test(one)),
  );
  const said = new Set(endpoints.flatMap(addressesOf));
  return [
    ...(links === endpoints.length ? [] : [`${links} devices for ${endpoints.length} endpoints`]),
    ...(hasRoute === endpoints.length > 0 ? [] : [`the default route is ${hasRoute ? 'left' : 'missing'}`]),
    ...[...present.symmetricDifference(said)].map(
      (one) => `an address is only ${said.has(one) ? 'said' : 'there'}: ${one}`,
    ),
  ].map((complaint) => `${container.Name}: ${complaint}`);
}

/** Devices of this engine on the host that are nobody's, and those that are missing. */
function deviceComplaints({ networks, containers }: NetworkOrder): string[] {
  using route = new RouteSocket();
  const links = route.links();
  const bridges = new Map(networks.filter(({ Driver }) => Driver === 'bridge').map((one) => [bridgeOf(one), one]));
  const own = links.find(({ name }) => name === bridges.keys().next().value);
  const tag = own?.alias.replace('estiba ', '') ?? '';
  if (tag === '') return ['the bridge of the engine is not there'];
  const isOurs = ({ kind, alias }: Link): boolean => kind === 'bridge' && alias === `estiba ${tag}`;
  const present = new Set(links.filter(isOurs).map(({ name }) => name));
  const wanted = new Set(bridges.keys());
  const nameOf = new Map(links.map(({ index, name }) => [index, name]));
  const veths = links.filter(({ name }) => name.startsWith(`est${tag}`)).map(({ master }) => nameOf.get(master) ?? '');
  const expected = containers.flatMap((container) =>
    endpointsOf(container)
      .flatMap(([network]) => networks.find(({ Name }) => Name === network) ?? [])
      .map(bridgeOf),
  );
  return [
    ...[...present.difference(wanted)].map((name) => `a bridge without a network: ${name}`),
    ...[...wanted.difference(present)].map((name) => `a network without its bridge: ${name}`),
    ...[...wanted].flatMap((bridge) => {
      const [is, should] = [veths, expected].map((all) => all.filter((one) => one === bridge).length);
      return is === should ? [] : [`${is} devices on ${bridge} for ${should} endpoints`];
    }),
    ...(veths.includes('') ? ['a device that is on no bridge'] : []),
  ];
}

/** What the sets of the engine's tables hold beside what inspect says. */
function ruleComplaints({ networks, containers }: NetworkOrder): string[] {
  const table = networks.find(({ Name }) => Name === 'bridge')?.Options['com.docker.network.bridge.name'];
  const wanted = new Set<string>();
  const said = (family: string, set: string, element: string): unknown => wanted.add(`${family} ${set} ${element}`);
  for (const network of networks.filter(({ Driver }) => Driver === 'bridge')) {
    for (const family of ['ip', 'ip6']) said(family, 'bridges', bridgeOf(network));
  }
  for (const container of containers) {
    // All are in networks of both families, and publish to all addresses: the first by name is the way out.
    const [way] = endpointsOf(container).map(([, endpoint]) => endpoint);
    for (const [key, bindings] of Object.entries(container.NetworkSettings.Ports)) {
      for (const { HostIp, HostPort } of bindings ?? []) {
        const [family, address] = HostIp === '::' ? ['ip6', way?.GlobalIPv6Address] : ['ip', way?.IPAddress];
        said(family ?? '', 'published_any', `${HostPort} : ${address} . ${key.split('/')[0]}`);
      }
    }
  }
  const present = new Set<string>();
  for (const family of ['ip', 'ip6']) {
    for (const set of ['bridges', 'published_any']) {
      const kind = set === 'bridges' ? 'set' : 'map';
      const elements = /elements = \{([^}]*)\}/.exec(runNftables(`list ${kind} ${family} ${table} ${set}`))?.[1] ?? '';
      for (const element of elements.split(',')) {
        const text = element
          .trim()
          .replaceAll('"', '')
          .replace(/^(?:tcp|6) \. /, '');
        if (text !== '') present.add(`${family} ${set} ${text}`);
      }
    }
  }
  return [
    ...[...present.difference(wanted)].map((one) => `an element without an owner: ${one}`),
    ...[...wanted.difference(present)].map((one) => `an element is missing: ${one}`),
  ];
}

function namespaceComplaints({ execRoot }: TestEngine, { containers }: NetworkOrder): string[] {
  const directory = join(execRoot, 'netns');
  const pins = new Set(existsSync(directory) ? readdirSync(directory) : []);
  const ids = new Set(containers.map(({ Id }) => Id));
  return [
    ...[...pins.difference(ids)].map((id) => `a namespace without a container: ${id}`),
    ...[...ids.difference(pins)].map((id) => `a container without its namespace: ${id}`),
  ];
}

/** Everything in which kernel and records, or records among themselves, do not agree; what the kernel still does is awaited. */
export async function complaintsAbout(engine: TestEngine): Promise<string[]> {
  const order = await askOrder(engine);
  const settled = (): string[] => [...deviceComplaints(order), ...namespaceComplaints(engine, order)];
  await until('the kernel to be done', () => settled().length === 0).catch(() => {});
  return [
    ...contradictions(order),
    ...twice(order),
    ...order.containers.flatMap(insideComplaints),
    ...settled(),
    ...ruleComplaints(order),
  ];
}
