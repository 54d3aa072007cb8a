import { hasCode } from '#linux/errno';
import type { NetlinkRequest } from '#linux/netlink';
import { messageOf } from '#std/errors';
import { log } from '#std/log';
import type { EndpointRecord, SandboxRecord } from '../record.ts';
import { bringUpInside, endpointSysctls, plugEndpoint } from './endpoint.ts';
import { defaultRoutes } from './gateway.ts';
import { openNamespace, type Workplace } from './namespace.ts';
import { gatewaysIn } from './publishing.ts';
import type { SandboxParts } from './sandboxes.ts';

/** All is tried in one call; what is there already stays as it is. */
function applyMissing({ route }: Workplace, requests: readonly NetlinkRequest[]): void {
  try {
    if (requests.length > 0) route.transact(...requests);
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
  }
}

/** Puts a living container's device back on its network, or makes another when it is gone. */
async function restoreEndpoint(
  { catalog, driverOf }: SandboxParts,
  place: Workplace,
  endpoint: EndpointRecord,
  inside: ReadonlyMap<string, number>,
): Promise<EndpointRecord> {
  const network = catalog.resolve(endpoint.networkId);
  const driver = driverOf(network);
  if (driver === undefined) return endpoint;
  const present = inside.get(endpoint.interfaceName);
  if (present !== undefined && driver.replug(network, endpoint)) {
    applyMissing(place, bringUpInside(endpoint, present));
    return endpoint;
  }
  const { hostIndex, insideIndex } = await plugEndpoint(network, driver, endpoint, place);
  place.route.transact(...bringUpInside(endpoint, insideIndex));
  place.apply(endpointSysctls(endpoint));
  return { ...endpoint, deviceIndex: hostIndex };
}

/**
 * Makes a living container's network what its record says: devices, addresses and default routes that are missing. What
 * the container has changed itself stays.
 */
export async function repairSandbox(parts: SandboxParts, record: SandboxRecord): Promise<void> {
  const { catalog } = parts;
  const ipv6 = record.endpoints.map((endpoint) => endpoint.ipv6 !== undefined);
  using place = openNamespace(record.namespacePath, ipv6);
  const indexes = () => new Map(place.route.links().map(({ name, index }) => [name, index]));
  const inside = indexes();
  const endpoints: EndpointRecord[] = [];
  for (const endpoint of record.endpoints) {
    try {
      endpoints.push(await restoreEndpoint(parts, place, endpoint, inside));
    } catch (error) {
      log('error', 'a container has lost a network', { container: record.id, error: messageOf(error) });
      endpoints.push(endpoint);
    }
  }
  const isChanged = endpoints.some((endpoint, index) => endpoint !== record.endpoints[index]);
  if (isChanged) catalog.sandboxes.put({ ...record, endpoints });
  const found = isChanged ? indexes() : inside;
  const routes = defaultRoutes(gatewaysIn(catalog, endpoints), ({ interfaceName }) => found.get(interfaceName) ?? 0);
  applyMissing(place, routes);
}
