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

function checkNetworks({ hostConfig, endpoints }: ContainerRecord, networks: Networks): void {
  for (const name of Object.keys(endpoints)) {
    if (name === hostConfig.NetworkMode) continue;
    try {
      networks.inspect(name);
    } catch (error) {
      throw fail(kindOf(error), `failed to set up container networking: ${messageOf(error)}`, error);
    }
    throw fail(
      'not-implemented',
      `an endpoint in network ${name} beside network mode ${hostConfig.NetworkMode} is not supported`,
    );
  }
}

/** Makes the network of a start; undefined for a container that has none of its own. */
export async function setUpNetwork(record: ContainerRecord, networks: Networks): Promise<Sandbox | undefined> {
  const { id, name, config, hostConfig, endpoints } = record;
  const { NetworkMode } = hostConfig;
  if (NetworkMode === 'host' || NetworkMode.startsWith('container:')) return undefined;
  checkNetworks(record, networks);
  const asked = endpoints[NetworkMode] ?? {};
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
