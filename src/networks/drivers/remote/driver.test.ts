import { afterAll, beforeAll, expect, test } from 'bun:test';
import { closeSync, openSync } from 'node:fs';
import { addBridge, addVeth, deleteLink, RouteSocket, setLink } from '#linux/rtnetlink';
import { randomMac } from '../../addresses/mac.ts';
import { FakePlugin } from '../../testing/fake-plugin.ts';
import { deviceNames, Lab, request } from '../../testing/lab.ts';
import type { Networks } from '../../types.ts';

interface Asked {
  readonly NetworkID?: string;
  readonly EndpointID?: string;
}

/** A network plugin that makes a bridge for each network and a veth pair for each endpoint, as plugins do. */
class FakeWeaver extends FakePlugin<Asked> {
  readonly #route = new RouteSocket();

  override async stop(): Promise<void> {
    await super.stop();
    this.#route[Symbol.dispose]();
  }

  #makePair(bridge: string, device: string): void {
    const namespace = openSync('/proc/self/ns/net', 'r');
    try {
      const peer = { namespace, name: device, mac: randomMac() };
      const master = this.#route.link(bridge).index;
      this.#route.transact(addVeth({ name: `${device}h`, master, mtu: 1500, peer }));
    } finally {
      closeSync(namespace);
    }
  }

  protected usual(method: string, { NetworkID = '', EndpointID = '' }: Asked): object {
    const bridge = `fk${NetworkID.slice(0, 8)}`;
    const device = `fk${EndpointID.slice(0, 8)}`;
    switch (method) {
      case 'Activate':
        return { Implements: ['NetworkDriver'] };
      case 'CreateNetwork':
        this.#route.transact(addBridge(bridge), setLink({ name: bridge }, { up: true }));
        return {};
      case 'DeleteNetwork':
        this.#route.transact(deleteLink(bridge));
        return {};
      case 'CreateEndpoint':
        this.#makePair(bridge, device);
        return { Interface: {} };
      case 'Join':
        return { InterfaceName: { SrcName: device, DstPrefix: 'eth' } };
      case 'DeleteEndpoint':
        this.#route.transact(deleteLink(`${device}h`));
        return {};
      default:
        return {};
    }
  }
}

let lab: Lab;
let plugin: FakeWeaver;
let networks: Networks;

beforeAll(async () => {
  lab = new Lab();
  plugin = new FakeWeaver(lab.root, 'weaver');
  networks = await lab.open('engine', {
    pluginDirectories: [plugin.directory],
    addressPools: [{ base: '10.221.0.0/16', size: 24 }],
  });
  await networks.reconcile(new Set());
});

afterAll(async () => {
  await lab[Symbol.asyncDispose]();
  await plugin.stop();
});

test('a plugin makes networks and devices, and is told of each end', async () => {
  const { Id } = await networks.create({ Name: 'woven', Driver: 'weaver', Options: { thread: 'silk' } });
  const pool = networks.inspect('woven').IPAM.Config?.[0];
  expect(plugin.bodies.get('CreateNetwork')).toMatchObject({
    NetworkID: Id,
    Options: { 'com.docker.network.generic': { thread: 'silk' } },
    IPv4Data: [{ Pool: pool?.Subnet, Gateway: `${pool?.Gateway}/24` }],
    IPv6Data: [],
  });
  const endpoints = [{ network: 'woven', settings: {} }];
  const [one, other] = [await networks.setUp(request({ endpoints })), await networks.setUp(request({ endpoints }))];
  expect(deviceNames(one.namespacePath).sort()).toEqual(['eth0', 'lo']);
  await lab.serve(other.namespacePath, 80, 'woven too');
  expect(await lab.reach(other.endpoints.woven?.IPAddress ?? '', 80, one.namespacePath)).toBe('woven too');
  const before = plugin.calls.length;
  await networks.disconnect(one.containerId, 'woven');
  expect(plugin.calls.slice(before)).toEqual(['Leave', 'DeleteEndpoint']);
  expect(deviceNames(one.namespacePath)).toEqual(['lo']);
  await networks.tearDown(one.containerId);
  await networks.tearDown(other.containerId);
  expect(plugin.calls.slice(before)).toEqual(['Leave', 'DeleteEndpoint', 'Leave', 'DeleteEndpoint']);
  await networks.remove('woven');
  using route = new RouteSocket();
  expect(() => route.link(`fk${Id.slice(0, 8)}`)).toThrow('ENODEV');
});

test('a plugin that fails leaves nothing, and who is none is refused', async () => {
  plugin.answers.set('CreateNetwork', { Err: 'no more thread' });
  await expect(networks.create({ Name: 'torn', Driver: 'weaver' })).rejects.toThrow('no more thread');
  plugin.answers.clear();
  await expect(networks.create({ Name: 'torn', Driver: 'nobody' })).rejects.toThrow('plugin "nobody" not found');
  await networks.create({ Name: 'torn', Driver: 'weaver' });
  plugin.answers.set('Join', { InterfaceName: { SrcName: 'nothing0' } });
  const endpoints = [{ network: 'torn', settings: {} }];
  await expect(networks.setUp(request({ endpoints }))).rejects.toThrow('there is no device "nothing0"');
  plugin.answers.clear();
  await networks.remove('torn');
});
