import type { EndpointSettings } from '#api';
import type { EndpointRequest, Networks, Sandbox } from '#networks';
import { fail, kindOf, messageOf } from '#std/errors';
import type { ContainerRecord } from '../record.ts';
import { networkSysctls } from '../spec/index.ts';
import { startFailure } from '../start/failure.ts';
import { parseMac } from './mac.ts';
import { resolverOf } from './resolv-conf.ts';

/** What is asked of an endpoint, in the form in which the networks take it. */
export function endpointRequest(network: string, settings: Partial<EndpointSettings>): EndpointRequest {
  const mac = parseMac(settings.MacAddress ?? '');
  return { network, settings: { ...settings, ...(mac !== undefined && { MacAddress: mac }) } };
}

/**
 * The endpoints of a start: the one in the container's own network first, the others by name. A container that has left
 * all its networks starts in its own again, as at Docker.
 */
function endpointRequests(record: ContainerRecord, networks: Pick<Networks, 'find'>): EndpointRequest[] {
  const { config, hostConfig, endpoints } = record;
  if (config.NetworkDisabled === true) return [{ network: 'none', settings: {} }];
  const mode = networks.find(hostConfig.NetworkMode)?.name ?? hostConfig.NetworkMode;
  const asked = Object.entries(endpoints).map(([network, settings]) => endpointRequest(network, settings));
  if (asked.length === 0) return [{ network: mode, settings: {} }];
  const nameOf = ({ network }: EndpointRequest): string => networks.find(network)?.name ?? network;
  const rank = (request: EndpointRequest): number => (nameOf(request) === mode ? 0 : 1);
  return asked.sort((one, other) => rank(one) - rank(other) || (one.network < other.network ? -1 : 1));
}

/** Refuses a start in a network that is not there, naming the one that is missing as Docker does. */
function checkNetworks(requests: readonly EndpointRequest[], networks: Networks): void {
  for (const { network } of requests) {
    try {
      if (networks.find(network) === undefined) throw fail('not-found', `network ${network} not found`);
    } catch (error) {
      throw fail(kindOf(error), `failed to set up container networking: ${messageOf(error)}`, error);
    }
  }
}

/** Makes the network of a start; undefined for a container that has none of its own. */
export async function setUpNetwork(record: ContainerRecord, networks: Networks): Promise<Sandbox | undefined> {
  const { id, name, config, hostConfig, endpoints } = record;
  const { NetworkMode } = hostConfig;
  if (NetworkMode.startsWith('container:') && Object.keys(endpoints).length > 0) {
    throw fail(
      'invalid-argument',
      'failed to set up container networking: container sharing network namespace with another container or host cannot be connected to any other network',
    );
  }
  if (NetworkMode === 'host' || NetworkMode.startsWith('container:')) return undefined;
  const requests = endpointRequests(record, networks);
  checkNetworks(requests, networks);
  try {
    return await networks.setUp({
      containerId: id,
      containerName: name,
      hostname: config.Hostname,
      endpoints: requests,
      portBindings: hostConfig.PortBindings ?? {},
      exposedPorts: Object.keys(config.ExposedPorts ?? {}),
      publishAll: hostConfig.PublishAllPorts,
      sysctls: networkSysctls(hostConfig),
      resolver: resolverOf(hostConfig),
    });
  } catch (error) {
    // Settings of the kernel fail as they do when the runtime makes them.
    if (/^(?:open|write) \/proc\/sys\//.test(messageOf(error))) throw startFailure('container', '', error);
    throw error;
  }
}
