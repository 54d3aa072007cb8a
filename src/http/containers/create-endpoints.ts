import type { ContainerCreateRequest, EndpointSettings } from '#api';
import { fail } from '#std/errors';

/** A request with its address in its endpoint, and what is to be said about it. */
export interface PlacedMac {
  readonly request: ContainerCreateRequest;
  readonly warnings: readonly string[];
}

type Endpoints = Record<string, Partial<EndpointSettings> | null>;

/** `default` is the older name of the bridge; before 1.44 an endpoint had no address of its own to ask for. */
function endpointsOf(request: ContainerCreateRequest, version: number): Endpoints {
  const entries = Object.entries(request.NetworkingConfig?.EndpointsConfig ?? {});
  return Object.fromEntries(
    entries.map(([name, endpoint]) => [
      name === 'default' ? 'bridge' : name,
      version < 44 && endpoint !== null ? { ...endpoint, MacAddress: '' } : endpoint,
    ]),
  );
}

/**
 * The container's own MAC address, as clients before 1.44 have it, belongs to its endpoint in its network. Throws
 * `invalid-argument` when that one asks for another.
 */
export function withPlacedMac(request: ContainerCreateRequest, version: number): PlacedMac {
  const { MacAddress = '', ...rest } = request;
  // A limit that went out of use with 1.42.
  if (version >= 42) delete rest.HostConfig?.KernelMemory;
  const endpoints = endpointsOf(request, version);
  const warnings: string[] = [];
  const mode = request.HostConfig?.NetworkMode || 'bridge';
  const network = mode === 'default' ? 'bridge' : mode;
  if (MacAddress !== '') {
    const isPlaced = network !== 'host' && network !== 'none' && !network.startsWith('container:');
    const endpoint = endpoints[network];
    const own = endpoint?.MacAddress ?? '';
    if (isPlaced && own !== '' && own !== MacAddress) {
      throw fail(
        'invalid-argument',
        'the container-wide MAC address must match the endpoint-specific MAC address for the main network, or be left empty',
      );
    }
    if (isPlaced) endpoints[network] = { ...endpoint, MacAddress };
    if (version >= 44) {
      warnings.push(
        'The container-wide MacAddress field is now deprecated. It should be specified in EndpointsConfig instead.',
      );
    }
  }
  const isGiven = Object.keys(endpoints).length > 0;
  return {
    request: { ...rest, ...(isGiven && { NetworkingConfig: { EndpointsConfig: endpoints } }) },
    warnings,
  };
}
