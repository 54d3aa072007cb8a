import { afterAll, beforeAll, expect, test } from 'bun:test';
import { FakePlugin } from '../testing/fake-plugin.ts';
import { eventually, Lab, request } from '../testing/lab.ts';
import type { Networks } from '../types.ts';

interface Asked {
  readonly PoolID?: string;
  readonly Pool?: string;
  readonly Address?: string;
}

/** An IPAM plugin that gives addresses of 10.222.N.0/24 from the upper end. */
class FakeIpam extends FakePlugin<Asked> {
  readonly pools = new Map<string, Set<string>>();

  protected usual(method: string, { PoolID = '', Pool = '', Address = '' }: Asked): object {
    switch (method) {
      case 'Activate':
        return { Implements: ['IpamDriver'] };
      case 'GetDefaultAddressSpaces':
        return { LocalDefaultAddressSpace: 'here', GlobalDefaultAddressSpace: 'there' };
      case 'RequestPool':
        return this.#givePool(Pool);
      case 'ReleasePool':
        return this.pools.delete(PoolID) ? {} : { Err: `no pool ${PoolID}` };
      case 'RequestAddress':
        return this.#giveAddress(PoolID, Address);
      case 'ReleaseAddress':
        return this.pools.get(PoolID)?.delete(Address) ? {} : { Err: `no address ${Address}` };
      default:
        return {};
    }
  }

  #givePool(asked: string): object {
    const pool = asked === '' ? `10.222.${this.pools.size}.0/24` : asked;
    const id = `here/${pool}`;
    this.pools.set(id, new Set());
    return { PoolID: id, Pool: pool, Data: {} };
  }

  #giveAddress(id: string, asked: string): object {
    const given = this.pools.get(id) ?? new Set();
    const prefix = id.replace(/^here\/(.*)\.0\/24$/, '$1');
    const free = Array.from({ length: 254 }, (_, index) => `${prefix}.${254 - index}`).find((one) => !given.has(one));
    const address = asked === '' ? (free ?? '') : asked;
    if (given.has(address)) return { Err: `${address} is taken` };
    given.add(address);
    return { Address: `${address}/24`, Data: {} };
  }
}

let lab: Lab;
let plugin: FakeIpam;
let networks: Networks;

beforeAll(async () => {
  lab = new Lab();
  plugin = new FakeIpam(lab.root, 'giver');
  networks = await lab.open('engine', { pluginDirectories: [plugin.directory] });
  await networks.reconcile(new Set());
});

afterAll(async () => {
  await lab[Symbol.asyncDispose]();
  await plugin.stop();
});

const ipam = { Driver: 'giver', Options: { shelf: 'top' } };
const inside = (settings: object = {}) => ({ endpoints: [{ network: 'given', settings }] });

test('subnets, gateways and addresses are those of a plugin, and are given back to it', async () => {
  await networks.create({ Name: 'given', IPAM: ipam });
  const [pool] = networks.inspect('given').IPAM.Config ?? [];
  expect(networks.inspect('given').IPAM).toMatchObject(ipam);
  expect(pool?.Subnet).toBe('10.222.0.0/24');
  const [one, two] = await Promise.all([networks.setUp(request(inside())), networks.setUp(request(inside()))]);
  const addresses = [one, two].map((sandbox) => sandbox.endpoints.given?.IPAddress ?? '').sort();
  expect(addresses).toEqual(['10.222.0.252', '10.222.0.253']);
  expect(one.endpoints.given?.Gateway).toBe('10.222.0.254');
  await lab.serve(one.namespacePath, 80, 'given');
  expect(await lab.reach(one.endpoints.given?.IPAddress ?? '', 80, two.namespacePath)).toBe('given');
  for (const { containerId } of [one, two]) await networks.tearDown(containerId);
  const given = () => [...(plugin.pools.get('here/10.222.0.0/24') ?? [])];
  await eventually('the plugin has back what it gave', () => given().length === 1);
  expect(given()).toEqual(['10.222.0.254']);
  await networks.remove('given');
  expect(plugin.pools.size).toBe(0);
});

test('what a plugin refuses is told, and leaves nothing with it', async () => {
  await expect(networks.create({ Name: 'no', IPAM: { Driver: 'nobody' } })).rejects.toThrow(
    'plugin "nobody" not found',
  );
  plugin.answers.set('RequestAddress', { Err: 'none left' });
  await expect(networks.create({ Name: 'no', IPAM: ipam })).rejects.toThrow('none left');
  expect(plugin.pools.size).toBe(0);
  plugin.answers.clear();
  await networks.create({ Name: 'given', IPAM: { ...ipam, Config: [{ Subnet: '10.222.9.0/24' }] } });
  plugin.answers.set('RequestAddress', { Err: 'none left' });
  await expect(networks.setUp(request(inside()))).rejects.toThrow('none left');
  plugin.answers.clear();
  const asked = inside({ IPAMConfig: { IPv4Address: '10.222.9.7' } });
  const sandbox = await networks.setUp(request(asked));
  expect(sandbox.endpoints.given?.IPAddress).toBe('10.222.9.7');
  await expect(networks.setUp(request(asked))).rejects.toThrow('10.222.9.7 is taken');
  await networks.tearDown(sandbox.containerId);
  await networks.remove('given');
});
