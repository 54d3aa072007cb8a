import type { EndpointSettings } from '#api';
import { fail } from '#std/errors';
import type { Flag } from '../grammar/flag.ts';
import { csvFields } from './csv.ts';

/** One `--network`: a name, and what is asked of the place in it. */
export interface NetworkAttachment {
  readonly name: string;
  readonly endpoint: Partial<EndpointSettings>;
}

/**
 * Reads a network's name or mode, or the long form `name=net,alias=a,ip=10.0.0.2,driver-opt=k=v`.
 * @throws `invalid-argument`
 */
export function parseNetwork(text: string): NetworkAttachment {
  if (!/\w+=\w+(,\w+=\w+)*/.test(text)) return { name: text, endpoint: {} };
  let name = '';
  const endpoint: Partial<EndpointSettings> = {};
  for (const field of csvFields(text)) {
    const [key = '', ...rest] = field.split('=');
    const value = rest.join('=');
    switch (key.trim().toLowerCase()) {
      case 'name':
        name = value;
        break;
      case 'alias':
        endpoint.Aliases = [...(endpoint.Aliases ?? []), value];
        break;
      case 'ip':
        endpoint.IPAMConfig = { ...endpoint.IPAMConfig, IPv4Address: value };
        break;
      case 'ip6':
        endpoint.IPAMConfig = { ...endpoint.IPAMConfig, IPv6Address: value };
        break;
      case 'link-local-ip':
        endpoint.IPAMConfig = {
          ...endpoint.IPAMConfig,
          LinkLocalIPs: [...(endpoint.IPAMConfig?.LinkLocalIPs ?? []), value],
        };
        break;
      case 'mac-address':
        endpoint.MacAddress = value;
        break;
      case 'gw-priority':
        endpoint.GwPriority = Number(value);
        break;
      case 'driver-opt': {
        const [option = '', ...optionValue] = value.split('=');
        endpoint.DriverOpts = { ...endpoint.DriverOpts, [option]: optionValue.join('=') };
        break;
      }
      default:
        throw fail('invalid-argument', `invalid field key ${key}`);
    }
  }
  if (name === '') throw fail('invalid-argument', 'network name/id is not specified');
  return { name, endpoint };
}

/** The `--network` flag. */
export function networkFlag(summary: string, extra: { hidden?: boolean } = {}): Flag<readonly NetworkAttachment[]> {
  return {
    type: 'network',
    summary,
    initial: [],
    completes: 'network-mode',
    ...extra,
    parse: (value, before) => [...before, parseNetwork(value)],
  };
}
