import type { EndpointRequest, Networks, Sandbox } from '#networks';
import { messageOf } from '#std/errors';
import type { ContainerRecord } from '../record.ts';
import { networkSysctls, parseMac } from '../spec/index.ts';
import { startFailure } from './failure.ts';

/** The endpoints of a container, that of its network mode first. */
function endpointsOf({ config, hostConfig, endpoints }: ContainerRecord): EndpointRequest[] {
  const { NetworkMode } = hostConfig;
  if (config.NetworkDisabled === true) return [{ network: 'none', settings: {} }];
  const { [NetworkMode]: own = {}, ...others } = endpoints;
  return Object.entries({ [NetworkMode]: own, ...others }).map(([network, asked]) => {
    const mac = parseMac(asked.MacAddress ?? '');
    return { network, settings: { ...asked, ...(mac !== undefined && { MacAddress: mac }) } };
  });
}

/** Makes the network of a start; undefined for a container that has none of its own. */
export async function setUpNetwork(record: ContainerRecord, networks: Networks): Promise<Sandbox | undefined> {
  const { id, name, config, hostConfig } = record;
  const { NetworkMode } = hostConfig;
  if (NetworkMode === 'host' || NetworkMode.startsWith('container:')) return undefined;
  try {
    return await networks.setUp({
      containerId: id,
      containerName: name,
      hostname: config.Hostname,
      endpoints: endpointsOf(record),
      portBindings: hostConfig.PortBindings ?? {},
      exposedPorts: Object.keys(config.ExposedPorts ?? {}),
      publishAll: hostConfig.PublishAllPorts,
      sysctls: networkSysctls(hostConfig),
      resolver: { servers: hostConfig.Dns ?? [] },
    });
  } catch (error) {
    // Settings of the kernel fail as they do when the runtime makes them.
    if (/^(?:open|write) \/proc\/sys\//.test(messageOf(error))) throw startFailure('container', '', error);
    throw error;
  }
}
