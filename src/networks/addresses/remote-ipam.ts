import { fail, messageOf } from '#std/errors';
import { log } from '#std/log';
import { type RemoteLimits, type RemotePlugins, textIn } from '../plugins.ts';
import type { NetworkRecord, PoolRecord } from '../record.ts';
import { contains, type Family, familyOf, parsePrefix, prefixText, readPrefix } from './ip.ts';
import type { GivenAddress, PoolRequest } from './ipam.ts';

/** What says to a plugin that an address is for the gateway. */
const gatewayRequest = { RequestAddressType: 'com.docker.network.gateway' };

/** An address that a plugin has given to an endpoint to come. */
export interface LentAddress extends GivenAddress {
  readonly networkId: string;
}

/** Addresses by IPAM plugins (libnetwork's IpamDriver protocol): subnets and addresses are theirs, and given back to them. */
export class RemoteIpam {
  constructor(
    readonly plugins: RemotePlugins,
    readonly limits: RemoteLimits,
  ) {}

  async #say(driver: string, method: string, body: object): Promise<Readonly<Record<string, unknown>>> {
    return this.plugins.ask(driver, method, body, this.limits.work);
  }

  /** Has a plugin choose or take the subnets of a network; gives back what it got when it throws. */
  async requestPools(
    driver: string,
    options: Readonly<Record<string, string>> | null,
    requests: readonly PoolRequest[],
  ): Promise<PoolRecord[]> {
    const spaces = await this.#say(driver, 'GetDefaultAddressSpaces', {});
    const AddressSpace = textIn(spaces, 'LocalDefaultAddressSpace');
    const pools: PoolRecord[] = [];
    try {
      for (const request of requests) {
        const asked = {
          AddressSpace,
          Pool: request.subnet ?? '',
          SubPool: request.range ?? '',
          Options: options ?? {},
        };
        const answer = await this.#say(driver, 'RequestPool', { ...asked, V6: request.family === 6 });
        pools.push(await this.#complete(driver, request, textIn(answer, 'PoolID'), textIn(answer, 'Pool')));
      }
      return pools;
    } catch (error) {
      await this.releasePools(driver, pools);
      throw error;
    }
  }

  async #complete(driver: string, request: PoolRequest, poolId: string, text: string): Promise<PoolRecord> {
    const subnet = readPrefix(text);
    try {
      if (subnet?.family !== request.family) throw fail('internal', `plugin ${driver}: ${text} is no subnet`);
      const gateway = request.hasGateway
        ? await this.#address(driver, poolId, request.gateway ?? '', gatewayRequest)
        : undefined;
      return {
        subnet: prefixText(subnet),
        ...(request.range !== undefined && { range: request.range }),
        ...(gateway !== undefined && { gateway }),
        ...(request.auxiliary !== undefined && { auxiliary: request.auxiliary }),
        isAsked: request.subnet !== undefined,
        isGatewayAsked: request.gateway !== undefined,
        poolId,
      };
    } catch (error) {
      await this.#farewell(driver, 'ReleasePool', { PoolID: poolId });
      throw error;
    }
  }

  async #address(driver: string, poolId: string, asked: string, options: object): Promise<string> {
    const answer = await this.#say(driver, 'RequestAddress', { PoolID: poolId, Address: asked, Options: options });
    const [address = ''] = textIn(answer, 'Address').split('/');
    if (address === '') throw fail('internal', `plugin ${driver}: it gives no address`);
    return address;
  }

  /** What a plugin does not hear of the dead must not keep them. */
  async #farewell(driver: string, method: string, body: object): Promise<void> {
    await this.plugins.ask(driver, method, body, this.limits.farewell).catch((error: unknown) => {
      log('warn', 'an IPAM plugin did not take back what it gave', { plugin: driver, method, error: messageOf(error) });
    });
  }

  /** Gives the subnets of a network back, with their gateways. */
  async releasePools(driver: string, pools: readonly PoolRecord[]): Promise<void> {
    for (const { poolId, gateway } of pools) {
      if (gateway !== undefined) await this.#farewell(driver, 'ReleaseAddress', { PoolID: poolId, Address: gateway });
      await this.#farewell(driver, 'ReleasePool', { PoolID: poolId });
    }
  }

  /** Has a plugin give an address of a network; the one that is asked for, if any. */
  async lend({ id, name, ipam }: NetworkRecord, family: Family, asked: string): Promise<LentAddress> {
    const pools = ipam.pools.filter(({ subnet }) => familyOf(subnet) === family);
    const pool = pools.find(({ subnet }) => asked === '' || contains(parsePrefix(subnet), asked));
    if (pool?.poolId === undefined) throw fail('internal', `network ${name} has no IPv${family} subnet of its plugin`);
    const address = await this.#address(ipam.driver, pool.poolId, asked, {});
    return { networkId: id, address, prefixLength: parsePrefix(pool.subnet).length, pool };
  }

  /** Gives an address back. */
  release({ ipam }: NetworkRecord, address: string): Promise<void> {
    const pool = ipam.pools.find(({ subnet }) => contains(parsePrefix(subnet), address));
    return this.#farewell(ipam.driver, 'ReleaseAddress', { PoolID: pool?.poolId ?? '', Address: address });
  }
}
