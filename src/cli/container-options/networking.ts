import type { EndpointSettings, NetworkingConfig } from '#api';
import { fail } from '#std/errors';
import type { FlagValues } from '../grammar/flag.ts';
import { checkMacAddress } from '../values/addresses.ts';
import type { NetworkAttachment } from '../values/networks.ts';
import type { ContainerFlags } from './flags.ts';

function isUserDefined(name: string): boolean {
  return !['default', 'bridge', 'host', 'none'].includes(name) && !name.startsWith('container:');
}

/** What the flags beside `--network` ask of the first network. */
function flagEndpoint(values: FlagValues<ContainerFlags>, name: string): Partial<EndpointSettings> {
  const aliases = [...values['network-alias'], ...values['net-alias']];
  const { ip, ip6, link } = values;
  const linkLocal = values['link-local-ip'];
  if (aliases.length > 0 && !isUserDefined(name)) {
    throw fail('invalid-argument', 'network-scoped aliases are only supported for user-defined networks');
  }
  const endpoint: Partial<EndpointSettings> = {};
  if (aliases.length > 0) endpoint.Aliases = aliases;
  if (link.length > 0 && isUserDefined(name)) endpoint.Links = [...link];
  checkMacAddress(values['mac-address']);
  if (values['mac-address'] !== '') endpoint.MacAddress = values['mac-address'];
  if (ip !== '' || ip6 !== '' || linkLocal.length > 0) {
    endpoint.IPAMConfig = {
      ...(ip === '' ? {} : { IPv4Address: ip }),
      ...(ip6 === '' ? {} : { IPv6Address: ip6 }),
      ...(linkLocal.length === 0 ? {} : { LinkLocalIPs: [...linkLocal] }),
    };
  }
  return endpoint;
}

/** The network mode of a container, and what is asked of each network it joins. */
export function networkingConfig(values: FlagValues<ContainerFlags>): {
  mode: string;
  config: NetworkingConfig | undefined;
} {
  const attachments: readonly NetworkAttachment[] = [...values.network, ...values.net];
  const first = attachments[0] ?? { name: 'default', endpoint: {} };
  const endpoints: Record<string, Partial<EndpointSettings>> = {};
  endpoints[first.name] = { ...first.endpoint, ...flagEndpoint(values, first.name) };
  for (const { name, endpoint } of attachments.slice(1)) {
    if (Object.hasOwn(endpoints, name)) throw fail('invalid-argument', `network "${name}" is specified multiple times`);
    endpoints[name] = { ...endpoint };
  }
  const userDefined = attachments.filter(({ name }) => isUserDefined(name)).length;
  if (userDefined > 0 && userDefined < attachments.length) {
    throw fail(
      'invalid-argument',
      'conflicting options: cannot attach both user-defined and non-user-defined network-modes',
    );
  }
  const asked = attachments.length > 1 || Object.keys(endpoints[first.name] ?? {}).length > 0;
  return { mode: first.name, config: asked ? { EndpointsConfig: endpoints } : undefined };
}
