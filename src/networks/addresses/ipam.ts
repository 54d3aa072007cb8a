import type { RouteSocket } from '#linux/rtnetlink';
import { fail } from '#std/errors';
import type { NetworkRecord, PoolRecord } from '../record.ts';
import { contains, type Family, familyOf, overlaps, type Prefix, parsePrefix, prefixText } from './ip.ts';
import { AddressPlan } from './plan.ts';
import type { LentAddress, RemoteIpam } from './remote-ipam.ts';
import { type AddressPool, chooseSubnet } from './subnets.ts';

/** What is asked for of one subnet of a network. */
export interface PoolRequest {
  readonly family: Family;
  /** From the address pools, when not given. */
  readonly subnet?: string;
  readonly range?: string;
  readonly gateway?: string;
  readonly auxiliary?: Readonly<Record<string, string>>;
  /** Whether the network has a gateway at all. */
  readonly hasGateway: boolean;
}

/** An address, and the subnet that it is of. */
export interface GivenAddress {
  readonly address: string;
  readonly prefixLength: number;
  readonly pool: PoolRecord;
}

interface OpenPool {
  readonly record: PoolRecord;
  readonly plan: AddressPlan;
}

/** Subnets of the host's addresses and routes, those of link `except` left out. */
export function rangesInUse(route: RouteSocket, except = 0): Prefix[] {
  return [...route.addresses(), ...route.routes()]
    .filter(({ linkIndex }) => linkIndex !== except)
    .map(({ address, prefixLength }) => parsePrefix(`${address}/${prefixLength}`));
}

/**
 * The addresses of all networks (Docker's default IPAM driver): which subnets there are, and who has which address.
 * It is kept in memory, and made anew from the records of networks and sandboxes.
 */
export class Ipam {
  readonly #networks = new Map<string, readonly OpenPool[]>();
  /** Those whose addresses a plugin gives. */
  readonly #remoteNetworks = new Map<string, NetworkRecord>();
  /** What plugins gave to the endpoints that are planned at this moment. */
  #lent: LentAddress[] = [];

  /** `pools`: where the subnets of networks come from that name none. `remote`: other IPAM drivers. */
  constructor(
    readonly route: RouteSocket,
    readonly pools: readonly AddressPool[],
    readonly remote?: RemoteIpam,
  ) {}

  /** The same as `plan`, by any IPAM driver; throws `not-found` when there is none of that name. */
  async choose(
    driver: string,
    options: Readonly<Record<string, string>> | null,
    requests: readonly PoolRequest[],
  ): Promise<PoolRecord[]> {
    if (driver === 'default') return this.plan(requests);
    if (this.remote?.plugins.has(driver) !== true) throw fail('not-found', `plugin "${driver}" not found`);
    return this.remote.requestPools(driver, options, requests);
  }

  /** Gives the subnets of a network back, to a plugin too. */
  async giveBack({ id, ipam }: NetworkRecord): Promise<void> {
    this.#networks.delete(id);
    if (this.#remoteNetworks.delete(id)) await this.remote?.releasePools(ipam.driver, ipam.pools);
  }

  isRemote({ id }: NetworkRecord): boolean {
    return this.#remoteNetworks.has(id);
  }

  /** Has a plugin give an address of its network, for `usingLent`. */
  async lend(network: NetworkRecord, family: Family, asked: string): Promise<LentAddress> {
    const lent = await this.remote?.lend(network, family, asked);
    if (lent === undefined) throw fail('internal', `network ${network.name} has no plugin for its addresses`);
    return lent;
  }

  /** Runs `body`, whose calls of `allocate` take from `lent` in networks of plugins; what is taken is no part of it then. */
  usingLent<T>(lent: LentAddress[], body: () => T): T {
    this.#lent = lent;
    try {
      return body();
    } finally {
      this.#lent = [];
    }
  }

  #takeLent(networkId: string, family: Family): GivenAddress | undefined {
    const at = this.#lent.findIndex((one) => one.networkId === networkId && familyOf(one.address) === family);
    return at < 0 ? undefined : this.#lent.splice(at, 1)[0];
  }

  #subnets(): Prefix[] {
    return [...this.#networks.values()].flat().map(({ plan }) => plan.subnet);
  }

  #subnet(request: PoolRequest): Prefix {
    if (request.subnet === undefined) {
      return chooseSubnet(request.family, this.pools, [...rangesInUse(this.route), ...this.#subnets()]);
    }
    const asked = parsePrefix(request.subnet);
    if (this.#subnets().some((subnet) => overlaps(subnet, asked))) {
      throw fail('forbidden', 'invalid pool request: Pool overlaps with other one on this address space');
    }
    return asked;
  }

  /** Finds subnets and gateways for a network; throws in Docker's words. They are taken with `add`, not yet. */
  plan(requests: readonly PoolRequest[]): PoolRecord[] {
    const planned: Prefix[] = [];
    return requests.map((request) => {
      const subnet = this.#subnet(request);
      if (planned.some((other) => overlaps(other, subnet))) {
        throw fail('forbidden', 'invalid pool request: Pool overlaps with other one on this address space');
      }
      planned.push(subnet);
      const { range, auxiliary = {}, hasGateway } = request;
      const plan = new AddressPlan(subnet, range === undefined ? subnet : parsePrefix(range));
      const gateway = hasGateway ? gatewayOf(plan, request.gateway) : undefined;
      for (const [name, address] of Object.entries(auxiliary)) {
        claimNamed(plan, address, `failed to allocate secondary ip address (${name}:${address})`);
      }
      return {
        subnet: prefixText(subnet),
        ...(range !== undefined && { range }),
        ...(gateway !== undefined && { gateway }),
        ...(Object.keys(auxiliary).length > 0 && { auxiliary }),
        isAsked: request.subnet !== undefined,
        isGatewayAsked: request.gateway !== undefined,
      };
    });
  }

  /** Takes a network's subnets, gateways and auxiliary addresses, whatever else has them. */
  add(network: NetworkRecord): void {
    const { id, ipam } = network;
    if (ipam.driver !== 'default') {
      this.#remoteNetworks.set(id, network);
      return;
    }
    const opened = ipam.pools.map((record) => {
      const subnet = parsePrefix(record.subnet);
      const plan = new AddressPlan(subnet, record.range === undefined ? subnet : parsePrefix(record.range));
      for (const address of Object.values(record.auxiliary ?? {})) plan.take(address);
      if (record.gateway !== undefined) plan.take(record.gateway);
      return { record, plan };
    });
    this.#networks.set(id, opened);
  }

  /** An address of a family for an endpoint: the one that is asked for, else the lowest free one. */
  allocate({ id, name }: NetworkRecord, family: Family, asked?: string): GivenAddress {
    const lent = this.#takeLent(id, family);
    if (lent !== undefined) return lent;
    const pools = (this.#networks.get(id) ?? []).filter(({ plan }) => plan.subnet.family === family);
    for (const { plan, record } of pools) {
      if (asked !== undefined && !contains(plan.subnet, asked)) continue;
      const address = asked === undefined ? plan.allocate() : plan.claim(asked);
      if (address !== undefined) return { address, prefixLength: plan.subnet.length, pool: record };
    }
    if (asked !== undefined) throw fail('invalid-argument', `no configured subnet contains IP address ${asked}`);
    const words = `no available IPv${family} addresses on this network's address pools`;
    throw fail('internal', `${words}: ${name} (${id})`);
  }

  /** Marks an address of the records as used. */
  take(networkId: string, address: string): void {
    for (const { plan } of this.#networks.get(networkId) ?? []) plan.take(address);
  }

  /** Gives an address back. */
  release(networkId: string, address: string): void {
    const remote = this.#remoteNetworks.get(networkId);
    if (remote !== undefined) void this.remote?.release(remote, address);
    for (const { plan } of this.#networks.get(networkId) ?? []) plan.release(address);
  }
}

function claimNamed(plan: AddressPlan, address: string, what: string): void {
  // Those of nobody by nature: the network's own and everybody's.
  if (!plan.isUsable(address)) throw fail('internal', `${what}: Address already in use`);
  plan.take(address);
}

function gatewayOf(plan: AddressPlan, asked: string | undefined): string {
  if (asked !== undefined) {
    claimNamed(plan, asked, `failed to allocate gateway (${asked})`);
    return asked;
  }
  const gateway = plan.allocate();
  if (gateway === undefined)
    throw fail('internal', `no available IPv${plan.subnet.family} addresses on this network's address pools`);
  return gateway;
}
