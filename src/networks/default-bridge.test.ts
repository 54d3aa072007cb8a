import { expect, test } from 'bun:test';
import { addressOf, Lab, request } from './testing/lab.ts';

const prefix = 'com.docker.network.';

const first = {
  bridge: {
    subnet: '10.219.0.9/24',
    range: '10.219.0.64/26',
    enableIpv6: true,
    rangeV6: 'fd00:e57:219::/80',
    mtu: 1400,
    icc: false,
    masquerade: false,
    hostAddress: '127.0.0.1',
  },
};
const second = { bridge: { subnet: '10.220.0.1/24' } };

test('the settings decide about the default bridge, and the next engine follows them once nobody is on it', async () => {
  await using lab = new Lab();
  const published = request({ portBindings: { '80/tcp': [{ HostIp: '', HostPort: '' }] } });
  const { bridge, sandboxes } = await lab.killedEngine([published], first);
  expect(bridge.EnableIPv6).toBe(true);
  expect(bridge.IPAM.Config).toEqual([
    { Subnet: '10.219.0.0/24', IPRange: '10.219.0.64/26', Gateway: '10.219.0.9' },
    { Subnet: 'fd00:e57:219::/80', IPRange: 'fd00:e57:219::/80', Gateway: 'fd00:e57:219::1' },
  ]);
  expect(bridge.Options).toMatchObject({
    [`${prefix}bridge.enable_icc`]: 'false',
    [`${prefix}bridge.enable_ip_masquerade`]: 'false',
    [`${prefix}bridge.host_binding_ipv4`]: '127.0.0.1',
    [`${prefix}driver.mtu`]: '1400',
  });
  expect(sandboxes[0]?.endpoints.bridge).toMatchObject({
    IPAddress: '10.219.0.64',
    Gateway: '10.219.0.9',
    GlobalIPv6Address: 'fd00:e57:219::2',
    IPv6Gateway: 'fd00:e57:219::1',
    GlobalIPv6PrefixLen: 80,
  });
  expect(sandboxes[0]?.ports['80/tcp']?.map(({ HostIp }) => HostIp)).toEqual(['127.0.0.1']);
  // It finds a container on the bridge when it begins, and takes it away then.
  const { bridge: kept } = await lab.killedEngine([], second);
  expect(kept.IPAM.Config?.[0]?.Subnet).toBe('10.219.0.0/24');
  const networks = await lab.open('engine', second);
  await networks.reconcile(new Set());
  expect(networks.inspect('bridge').IPAM.Config).toEqual([{ Subnet: '10.220.0.0/24', Gateway: '10.220.0.1' }]);
  expect(addressOf(await networks.setUp(request()))).toBe('10.220.0.2');
});

test('new networks have the options that the settings give to their driver, where they do not say otherwise', async () => {
  await using lab = new Lab();
  const bridge = { [`${prefix}driver.mtu`]: '1300', [`${prefix}bridge.enable_icc`]: 'false' };
  const networks = await lab.open('engine', { driverOptions: { bridge } });
  await networks.create({ Name: 'plain', Options: { [`${prefix}bridge.enable_icc`]: 'true' } });
  expect(networks.inspect('plain').Options).toEqual({
    [`${prefix}driver.mtu`]: '1300',
    [`${prefix}bridge.enable_icc`]: 'true',
  });
});
