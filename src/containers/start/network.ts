import type { EndpointSettings } from '#api';
import type { Networks, Sandbox } from '#networks';
import { fail, kindOf, messageOf } from '#std/errors';
import type { ContainerRecord } from '../record.ts';
import { networkSysctls, parseMac } from '../spec/index.ts';
import { startFailure } from './failure.ts';

const driverPrefix = 'com.docker.network.endpoint.';

/** Sysctls of the endpoint's own device, which `IFNAME` stands for. */
function endpointSysctls({ DriverOpts }: Partial<EndpointSettings>, device: string): Record<string, string> {
  const settings = DriverOpts?.[`${driverPrefix}sysctls`]?.split(',') ?? [];
  return Object.fromEntries(
    settings.map((setting) => {
      const at = setting.indexOf('=');
      return [setting.slice(0, at).replace('IFNAME', device), setting.slice(at + 1)];
    }),
  );
}

/** Id of a network by any of its names; older records have the bridge as `default`. */
function networkId(networks: Networks, name: string): string {
  try {
    return networks.inspect(name === 'default' ? 'bridge' : name).Id;
  } catch (error) {
    throw fail(kindOf(error), `failed to set up container networking: ${messageOf(error)}`, error);
  }
}

/** What was asked for of the endpoint in the container's network; throws when there is one in another. */
function askedEndpoint({ hostConfig, endpoints }: ContainerRecord, networks: Networks): Partial<EndpointSettings> {
  let asked: Partial<EndpointSettings> = {};
  const { NetworkMode } = hostConfig;
  for (const [name, endpoint] of Object.entries(endpoints)) {
    if (name !== NetworkMode && networkId(networks, name) !== networkId(networks, NetworkMode)) {
      throw fail(
        'not-implemented',
        `an endpoint in network ${name} beside network mode ${NetworkMode} is not supported`,
      );
    }
    asked = endpoint;
  }
  return asked;
}

/** Makes the network of a start; undefined for a container that has none of its own. */
export async function setUpNetwork(record: ContainerRecord, networks: Networks): Promise<Sandbox | undefined> {
  const { id, name, config, hostConfig } = record;
  const { NetworkMode } = hostConfig;
  if (NetworkMode === 'host' || NetworkMode.startsWith('container:')) return undefined;
  const asked = askedEndpoint(record, networks);
  const interfaceName = asked.DriverOpts?.[`${driverPrefix}ifname`] ?? 'eth0';
  const mac = parseMac(asked.MacAddress ?? '');
  try {
    return await networks.setUp({
      containerId: id,
      containerName: name,
      networkMode: config.NetworkDisabled === true ? 'none' : NetworkMode,
      portBindings: hostConfig.PortBindings ?? {},
      exposedPorts: Object.keys(config.ExposedPorts ?? {}),
      publishAll: hostConfig.PublishAllPorts,
      endpoint: { ...asked, ...(mac !== undefined && { MacAddress: mac }) },
      interfaceName,
      linkLocalAddresses: asked.IPAMConfig?.LinkLocalIPs ?? [],
      sysctls: { ...networkSysctls(hostConfig), ...endpointSysctls(asked, interfaceName) },
    });
  } catch (error) {
    // Settings of the kernel fail as they do when the runtime makes them.
    if (/^(?:open|write) \/proc\/sys\//.test(messageOf(error))) throw startFailure('container', '', error);
    throw error;
  }
}
