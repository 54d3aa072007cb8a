import { type RouteSocket, setLink } from '#linux/rtnetlink';
import { moveLink } from '#linux/rtnetlink-derived';
import { fail, messageOf } from '#std/errors';
import { log } from '#std/log';
import { familyOf } from '../../addresses/ip.ts';
import { type RemoteLimits, type RemotePlugins, textIn } from '../../plugins.ts';
import type { AddressRecord, EndpointRecord, NetworkRecord } from '../../record.ts';
import { findLink } from '../bridge/device.ts';
import type { Driver, OpenNamespace, PluggedDevice } from '../driver.ts';

const options = { generic: 'com.docker.network.generic', ipv6: 'com.docker.network.enable_ipv6' } as const;

function addressSpace(network: NetworkRecord, family: 4 | 6): object[] {
  return network.ipam.pools
    .filter(({ subnet }) => familyOf(subnet) === family)
    .map(({ subnet, gateway, auxiliary }) => ({
      AddressSpace: 'LocalDefault',
      Pool: subnet,
      Gateway: gateway === undefined ? '' : `${gateway}/${subnet.split('/')[1]}`,
      AuxAddresses: { ...auxiliary },
    }));
}

function withLength(given: AddressRecord | undefined): string {
  return given === undefined ? '' : `${given.address}/${given.prefixLength}`;
}

/**
 * A network plugin (libnetwork's remote driver protocol): it makes a device for each endpoint on the host, which is moved
 * into the container here. Its networks have addresses of ours, and names.
 */
export function createRemoteDriver(
  name: string,
  plugins: RemotePlugins,
  route: RouteSocket,
  limits: RemoteLimits,
): Driver {
  async function say(
    method: string,
    body: object,
    callLimits = limits.work,
  ): Promise<Readonly<Record<string, unknown>>> {
    return plugins.ask(name, method, body, callLimits);
  }

  async function createNetwork(network: NetworkRecord): Promise<void> {
    await say('CreateNetwork', {
      NetworkID: network.id,
      Options: { [options.ipv6]: network.enableIpv6, [options.generic]: { ...network.options } },
      IPv4Data: network.enableIpv4 ? addressSpace(network, 4) : [],
      IPv6Data: network.enableIpv6 ? addressSpace(network, 6) : [],
    });
  }

  /** Has the plugin make the device, and tell its name on the host. */
  async function join(network: NetworkRecord, endpoint: EndpointRecord, path: string): Promise<string> {
    const which = { NetworkID: network.id, EndpointID: endpoint.endpointId };
    const given = { Address: withLength(endpoint.ipv4), AddressIPv6: withLength(endpoint.ipv6) };
    const { DriverOpts } = endpoint.asked;
    await say('CreateEndpoint', {
      ...which,
      Interface: { ...given, MacAddress: endpoint.mac },
      Options: { ...DriverOpts },
    });
    const joined = await say('Join', { ...which, SandboxKey: path, Options: { ...DriverOpts } });
    const { StaticRoutes } = joined;
    if (Array.isArray(StaticRoutes) && StaticRoutes.length > 0) {
      throw fail('not-implemented', `plugin ${name}: static routes of a network plugin are not supported`);
    }
    return textIn(joined, 'InterfaceName', 'SrcName');
  }

  async function leave({ networkId, endpointId }: EndpointRecord): Promise<void> {
    const which = { NetworkID: networkId, EndpointID: endpointId };
    for (const method of ['Leave', 'DeleteEndpoint']) {
      await say(method, which, limits.farewell).catch((error: unknown) => {
        // What a plugin does not hear of the dead must not keep them.
        log('warn', 'a network plugin did not let an endpoint go', { plugin: name, method, error: messageOf(error) });
      });
    }
  }

  async function plug(
    network: NetworkRecord,
    endpoint: EndpointRecord,
    namespace: OpenNamespace,
  ): Promise<PluggedDevice> {
    try {
      const device = await join(network, endpoint, namespace.path);
      const link = findLink(route, device);
      if (link === undefined) throw fail('internal', `plugin ${name}: there is no device ${JSON.stringify(device)}`);
      route.transact(moveLink(link.index, namespace.descriptor, endpoint.interfaceName));
      const { index } = namespace.route.link(endpoint.interfaceName);
      namespace.route.transact(setLink({ index }, { mac: endpoint.mac }));
      return { hostIndex: 0, insideIndex: index };
    } catch (error) {
      await leave(endpoint);
      throw error;
    }
  }

  return {
    name,
    hasNames: () => true,
    wantsGateway: () => true,
    hasDefaultRoute: ({ isInternal }) => !isInternal,
    // What its options mean the plugin itself knows.
    check: () => undefined,
    async open(network) {
      await createNetwork(network);
      return undefined;
    },
    // A plugin keeps its networks itself, as it does for Docker.
    restore: () => undefined,
    async remove({ id }) {
      await say('DeleteNetwork', { NetworkID: id });
    },
    publishing: () => undefined,
    interfacePrefix: () => 'eth',
    plug,
    replug: () => true,
    silence: leave,
    unplug: () => undefined,
  };
}
