import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import type { EndpointIpamConfig, NetworkCreateRequest } from '#api';
import { openEvents } from '#events';
import { RouteSocket } from '#linux/rtnetlink';
import { openRecords } from '#store';
import { deviceNames, Lab, request } from './testing/lab.ts';
import type { Networks } from './types.ts';

let lab: Lab;
let networks: Networks;

beforeAll(async () => {
  lab = new Lab();
  networks = await lab.open('engine', { addressPools: [{ base: '10.216.0.0/30', size: 30 }] });
  await networks.reconcile(new Set());
});

afterAll(async () => {
  await lab[Symbol.asyncDispose]();
});

function withPools(...Config: NonNullable<NonNullable<NetworkCreateRequest['IPAM']>['Config']>) {
  return { IPAM: { Driver: 'default', Config } };
}

const option = (name: string, value: string) => ({ Options: { [`com.docker.network.${name}`]: value } });
const subnet = '10.217.0.0/24';

test.each<[string, Partial<NetworkCreateRequest>, string]>([
  ['no name', { Name: ' ' }, 'invalid name: name is empty'],
  ['control characters', { Name: 'a\u0007b' }, 'has control characters'],
  ['a name of the engine', { Name: 'bridge' }, 'operation is not permitted on predefined bridge network '],
  ['neither family', { EnableIPv4: false }, 'IPv4 or IPv6 must be enabled'],
  ['a driver that is not there', { Driver: 'nope' }, 'plugin "nope" not found'],
  ['a second host', { Driver: 'host' }, 'only one instance of "host" network is allowed'],
  ['swarm', { Scope: 'swarm' }, 'cannot create a swarm scoped network when swarm is not active'],
  ['no subnet', withPools({ Subnet: 'x' }), 'invalid network config:\ninvalid subnet x: invalid CIDR block notation'],
  ['host bits', withPools({ Subnet: '10.217.0.5/24' }), 'invalid subnet 10.217.0.5/24: it should be 10.217.0.0/24'],
  [
    'a range and a gateway of elsewhere',
    withPools({ Subnet: subnet, IPRange: '10.218.0.0/25', Gateway: '10.218.0.1' }),
    "* invalid ip-range 10.218.0.0/25: parent subnet 10.217.0.0/24 doesn't contain ip-range\n* invalid gateway 10.218.0.1",
  ],
  [
    'a range that is too big',
    withPools({ Subnet: subnet, IPRange: '10.217.0.0/16' }),
    'invalid ip-range 10.217.0.0/16: CIDR block is bigger than its parent subnet 10.217.0.0/24',
  ],
  [
    'an auxiliary address that is none',
    withPools({ Subnet: subnet, AuxiliaryAddresses: { a: 'x' } }),
    'invalid auxiliary address a: invalid address',
  ],
  [
    'the network as gateway',
    withPools({ Subnet: subnet, Gateway: '10.217.0.0' }),
    'failed to allocate gateway (10.217.0.0): Address already in use',
  ],
  [
    'one address twice',
    withPools({ Subnet: subnet, Gateway: '10.217.0.3', AuxiliaryAddresses: { a: '10.217.0.3' } }),
    'failed to allocate secondary ip address (a:10.217.0.3): Address already in use',
  ],
  [
    'two subnets',
    withPools({ Subnet: subnet }, { Subnet: '10.218.0.0/24' }),
    "bridge driver doesn't support multiple subnets",
  ],
  [
    'no boolean',
    option('bridge.enable_icc', 'x'),
    'failed to parse com.docker.network.bridge.enable_icc value: x (strconv.ParseBool: parsing "x": invalid syntax)',
  ],
  ['a negative MTU', option('driver.mtu', '-1'), 'invalid MTU number: -1'],
  [
    'no gateway mode',
    option('bridge.gateway_mode_ipv4', 'x'),
    'failed to parse com.docker.network.bridge.gateway_mode_ipv4 value: x (unknown gateway mode x)',
  ],
  [
    'isolated and not internal',
    option('bridge.gateway_mode_ipv4', 'isolated'),
    "gateway mode 'isolated' can only be used for an internal network",
  ],
  ['a device that is no bridge', option('bridge.name', 'lo'), 'existing interface lo is not a bridge'],
  ['a name that no device can have', option('bridge.name', 'x"; flush ruleset'), 'invalid argument'],
  [
    'a configuration that is not there',
    { ConfigFrom: { Network: 'nope' } },
    'configuration network "nope" does not exist',
  ],
])('%s is refused, and nothing is made', async (_, over, message) => {
  using route = new RouteSocket();
  const bridges = () => route.links().filter(({ alias }) => alias === tagged);
  const tagged = route.link(networks.inspect('bridge').Options['com.docker.network.bridge.name'] ?? '').alias;
  await expect(networks.create({ Name: 'refused', ...withPools({ Subnet: subnet }), ...over })).rejects.toThrow(
    message,
  );
  expect(bridges().length).toBe(1);
  expect(networks.list(new Map()).map(({ Name }) => Name)).toEqual(expect.not.arrayContaining(['refused']));
});

test('names and subnets are had once, and pools can be exhausted', async () => {
  // None of those refused has kept the subnet. Of many at once one wins.
  const asked = { Name: 'first', ...withPools({ Subnet: subnet }) };
  const made = await Promise.allSettled([1, 2, 3].map(() => networks.create(asked)));
  expect(made.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected', 'rejected']);
  await expect(networks.create({ Name: 'first' })).rejects.toThrow('network with name first already exists');
  await expect(networks.create({ Name: 'second', ...withPools({ Subnet: '10.217.0.128/25' }) })).rejects.toThrow(
    'invalid pool request: Pool overlaps with other one on this address space',
  );
  await expect(networks.create({ Name: 'second' })).rejects.toThrow(
    'all predefined address pools have been fully subnetted',
  );
  await networks.remove('first');
  await expect(networks.remove('none')).rejects.toThrow('none is a pre-defined network and cannot be removed');
});

function at(network: string, IPAMConfig: EndpointIpamConfig) {
  return request({ endpoints: [{ network, settings: { IPAMConfig } }] });
}

test('addresses are those asked for, or of the range; what is not to be had is refused', async () => {
  await networks.create({
    Name: 'asked',
    EnableIPv6: true,
    ...withPools(
      { Subnet: subnet, IPRange: '10.217.0.252/31', Gateway: '10.217.0.9', AuxiliaryAddresses: { a: '10.217.0.252' } },
      { Subnet: 'fd00:e57:217::/64' },
    ),
  });
  const fixed = { IPv4Address: '10.217.0.77', IPv6Address: 'fd00:e57:217::77', LinkLocalIPs: ['169.254.7.7'] };
  const first = await networks.setUp(at('asked', fixed));
  expect(first.endpoints.asked).toMatchObject({
    IPAMConfig: fixed,
    IPAddress: '10.217.0.77',
    IPPrefixLen: 24,
    Gateway: '10.217.0.9',
    GlobalIPv6Address: 'fd00:e57:217::77',
    GlobalIPv6PrefixLen: 64,
    IPv6Gateway: 'fd00:e57:217::1',
    MacAddress: '02:42:0a:d9:00:4d',
  });
  const shown = await lab.spawn(['busybox', 'ip', 'addr'], first.namespacePath).stdout.text();
  for (const address of ['10.217.0.77/24', '169.254.7.7/16', 'fd00:e57:217::77/64']) expect(shown).toContain(address);
  // Without asking whether somebody has it: a server could not bind to it meanwhile.
  expect(shown).not.toContain('tentative');
  await expect(networks.setUp(at('asked', fixed))).rejects.toThrow('Address already in use');
  await expect(networks.setUp(at('asked', { IPv4Address: '10.99.0.1' }))).rejects.toThrow(
    'no configured subnet or ip-range contain the IP address 10.99.0.1',
  );
  const second = await networks.setUp(at('asked', {}));
  expect(second.endpoints.asked?.IPAddress).toBe('10.217.0.253');
  await expect(networks.setUp(at('asked', {}))).rejects.toThrow(
    `failed to set up container networking: no available IPv4 addresses on this network's address pools: asked (`,
  );
  const { Config } = networks.inspect('asked').IPAM;
  expect(Config).toEqual([
    {
      Subnet: subnet,
      IPRange: '10.217.0.252/31',
      Gateway: '10.217.0.9',
      AuxiliaryAddresses: { a: '10.217.0.252' },
    },
    { Subnet: 'fd00:e57:217::/64' },
  ]);
  for (const { containerId } of [first, second]) await networks.tearDown(containerId);
  await networks.remove('asked');
});

test('a network of IPv6 alone has no address of IPv4 anywhere', async () => {
  await networks.create({ Name: 'six', EnableIPv4: false, EnableIPv6: true });
  const [one, other] = [await networks.setUp(at('six', {})), await networks.setUp(at('six', {}))];
  expect(one.endpoints.six).toMatchObject({ IPAddress: '', Gateway: '', IPPrefixLen: 0 });
  expect(one.endpoints.six?.GlobalIPv6Address).toMatch(/^fd/);
  await lab.serve(one.namespacePath, 80, 'six');
  expect(await lab.reach(one.endpoints.six?.GlobalIPv6Address ?? '', 80, other.namespacePath)).toBe('six');
  const shown = await lab.spawn(['busybox', 'ip', '-4', 'addr', 'show', 'eth0'], one.namespacePath).stdout.text();
  expect(shown).not.toContain('inet ');
  for (const { containerId } of [one, other]) await networks.tearDown(containerId);
  await networks.remove('six');
});

test('options decide about the devices; names of devices are as asked for', async () => {
  await networks.create({
    Name: 'options',
    Internal: true,
    Labels: { a: 'b' },
    Options: {
      'com.docker.network.driver.mtu': '1400',
      'com.docker.network.container_iface_prefix': 'net',
      'com.docker.network.bridge.inhibit_ipv4': 'true',
      'unknown.option': 'kept',
    },
    ...withPools({ Subnet: subnet }),
  });
  const network = networks.inspect('options');
  expect(network).toMatchObject({ Internal: true, Labels: { a: 'b' } });
  expect(network.Options['unknown.option']).toBe('kept');
  using route = new RouteSocket();
  const bridge = route.link(`br-${network.Id.slice(0, 12)}`);
  expect(bridge.mtu).toBe(1400);
  expect(route.addresses().some(({ linkIndex }) => linkIndex === bridge.index)).toBe(false);
  const ifname = { DriverOpts: { 'com.docker.network.endpoint.ifname': 'mine' } };
  const one = await networks.setUp(request({ endpoints: [{ network: 'options', settings: {} }] }));
  const two = await networks.setUp(request({ endpoints: [{ network: 'options', settings: ifname }] }));
  expect([deviceNames(one.namespacePath), deviceNames(two.namespacePath)]).toEqual([
    ['lo', 'net0'],
    ['lo', 'mine'],
  ]);
  for (const { containerId } of [one, two]) await networks.tearDown(containerId);
  await networks.remove('options');
});

test('a configuration is no network, and the ones made from it have all of it', async () => {
  const Options = { 'com.docker.network.driver.mtu': '1400' };
  await networks.create({
    Name: 'config',
    ConfigOnly: true,
    Options,
    Labels: { a: 'b' },
    ...withPools({ Subnet: subnet }),
  });
  expect(networks.inspect('config')).toMatchObject({ ConfigOnly: true, Driver: 'null', Options });
  await expect(networks.setUp(at('config', {}))).rejects.toThrow(
    'cannot create endpoint on configuration-only network',
  );
  await expect(
    networks.create({ Name: 'made', Labels: { c: 'd' }, ConfigFrom: { Network: 'config' } }),
  ).rejects.toThrow(
    'user specified configurations are not supported if the network depends on a configuration network',
  );
  await networks.create({ Name: 'made', ConfigFrom: { Network: 'config' } });
  expect(networks.inspect('made')).toMatchObject({
    ConfigFrom: { Network: 'config' },
    Labels: { a: 'b' },
    Options,
    IPAM: { Config: [{ Subnet: subnet }] },
  });
  await expect(networks.remove('config')).rejects.toThrow('configuration network "config" is in use');
  expect(await networks.prune(new Map([['label', ['a=c']]]))).toEqual([]);
  expect(await networks.prune(new Map([['label', ['a=b']]]))).toEqual(['made']);
  await networks.remove('config');
});

test('what happens to networks is told', async () => {
  const records = openRecords(join(lab.root, 'engine/records.db'));
  const { Id } = await networks.create({ Name: 'told', ...withPools({ Subnet: subnet }) });
  const { containerId } = await networks.setUp(request());
  await networks.connect(containerId, { network: 'told', settings: {} });
  await networks.disconnect(containerId, 'told');
  await networks.tearDown(containerId);
  await networks.remove('told');
  const signal = AbortSignal.timeout(20_000);
  const told: string[] = [];
  const filters = new Map([['network', [Id]]]);
  for await (const event of openEvents(records).stream({
    untilNs: BigInt(Date.now() + 20) * 1_000_000n,
    filters,
    signal,
    sinceNs: 0n,
  })) {
    told.push(`${event.Action} ${event.Actor.Attributes.name} ${event.Actor.Attributes.type}`);
  }
  records[Symbol.dispose]();
  expect(told).toEqual(['create', 'connect', 'disconnect', 'destroy'].map((action) => `${action} told bridge`));
});

test('a bridge has as many ports as the kernel lets it have, and says so', async () => {
  const script = join(import.meta.dir, 'testing/full-bridge.ts');
  const child = lab.spawn(['unshare', '--net', process.execPath, script, mkdtempSync(join(lab.root, 'full-'))]);
  const words = 'network full is full: a bridge of the kernel has 1023 ports at most';
  expect(JSON.parse(await child.stdout.text())).toEqual({
    said: `failed to set up container networking: ${words}`,
    sandbox: null,
    network: {},
  });
}, 60_000);
