import { hasCode } from '#linux/errno';
import {
  addDefaultRoute,
  deleteDefaultRoute,
  type NetlinkRequest,
  type RouteSocket,
  setDefaultRoute,
} from '#linux/rtnetlink';
import type { EndpointRecord } from '../record.ts';

/** The endpoints over which a container reaches everywhere, a family each. */
export interface Gateways {
  readonly ipv4?: EndpointRecord;
  readonly ipv6?: EndpointRecord;
}

function gatewayCount({ ipv4, ipv6 }: EndpointRecord): number {
  return [ipv4?.gateway, ipv6?.gateway].filter((gateway) => gateway !== undefined).length;
}

/**
 * Which endpoints are the way out: the one of the highest priority, then one that has both families, then the first by
 * the name of its network. Each family is looked at alone, as Docker does.
 */
export function gatewaysOf(endpoints: readonly EndpointRecord[], nameOf: (networkId: string) => string): Gateways {
  const ranked = endpoints
    .filter((endpoint) => gatewayCount(endpoint) > 0)
    .sort(
      (one, other) =>
        (other.asked.GwPriority ?? 0) - (one.asked.GwPriority ?? 0) ||
        gatewayCount(other) - gatewayCount(one) ||
        (nameOf(one.networkId) < nameOf(other.networkId) ? -1 : 1),
    );
  const ipv4 = ranked.find((endpoint) => endpoint.ipv4?.gateway !== undefined);
  const ipv6 = ranked.find((endpoint) => endpoint.ipv6?.gateway !== undefined);
  return { ...(ipv4 !== undefined && { ipv4 }), ...(ipv6 !== undefined && { ipv6 }) };
}

const families = ['ipv4', 'ipv6'] as const;

/** The routes of a namespace that has none yet. `indexOf` gives the index of an endpoint's device inside. */
export function defaultRoutes(gateways: Gateways, indexOf: (endpoint: EndpointRecord) => number): NetlinkRequest[] {
  return families.flatMap((family) => {
    const endpoint = gateways[family];
    const gateway = endpoint?.[family]?.gateway;
    return endpoint === undefined || gateway === undefined ? [] : [addDefaultRoute(gateway, indexOf(endpoint))];
  });
}

function dropRoute(route: RouteSocket, gateway: string, index: number): void {
  try {
    route.transact(deleteDefaultRoute(gateway, index));
  } catch (error) {
    // It went with its device, or a container that may has taken it away.
    if (!hasCode(error, 'ESRCH') && !hasCode(error, 'ENODEV')) throw error;
  }
}

/** Brings the default routes of a namespace from one set of gateways to another. */
export function moveDefaultRoutes(
  route: RouteSocket,
  before: Gateways,
  after: Gateways,
  indexOf: (endpoint: EndpointRecord) => number | undefined,
): void {
  for (const family of families) {
    const [from, to] = [before[family], after[family]];
    if (from?.endpointId === to?.endpointId) continue;
    const [oldGateway, newGateway] = [from?.[family]?.gateway, to?.[family]?.gateway];
    const oldIndex = from && indexOf(from);
    if (oldGateway !== undefined && oldIndex !== undefined) dropRoute(route, oldGateway, oldIndex);
    const newIndex = to && indexOf(to);
    if (newGateway !== undefined && newIndex !== undefined) route.transact(setDefaultRoute(newGateway, newIndex));
  }
}
