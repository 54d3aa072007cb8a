import { expect, test } from 'bun:test';
import { addressOf, Lab, request } from './testing/lab.ts';

const prefix = 'com.docker.network.';

test('the settings decide about the default bridge, and the next engine follows them once nobody is on it', async () => {
  await using lab = new Lab();
  const networks = await lab.open('engine', {
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
    driverOptions: { bridge: { [`${prefix}driver.mtu`]: '1300', [`${prefix}bridge.enable_icc`]: 'false' } },
  });
  await networks.reconcile(new Set());
  const bridge = networks.inspect('bridge');
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
  const sandbox = await networks.setUp(request({ portBindings: { '80/tcp': [{ HostIp: '', HostPort: '' }] } }));
  expect(sandbox.endpoints.bridge).toMatchObject({
    IPAddress: '10.219.0.64',
    Gateway: '10.219.0.9',
    GlobalIPv6Address: 'fd00:e57:219::2',
    IPv6Gateway: 'fd00:e57:219::1',
    GlobalIPv6PrefixLen: 80,
  });
  expect(sandbox.ports['80/tcp']?.map(({ HostIp }) => HostIp)).toEqual(['127.0.0.1']);
  await networks.create({ Name: 'plain', Options: { [`${prefix}bridge.enable_icc`]: 'true' } });
  expect(networks.inspect('plain').Options).toEqual({
    [`${prefix}driver.mtu`]: '1300',
    [`${prefix}bridge.enable_icc`]: 'true',
  });
  // A second engine over the same records, as after a restart with other settings.
  const busy = await lab.open('engine', { bridge: { subnet: '10.220.0.1/24' } });
  expect(busy.inspect('bridge').IPAM.Config?.[0]?.Subnet).toBe('10.219.0.0/24');
  await busy.tearDown(sandbox.containerId);
  const after = await lab.open('engine', { bridge: { subnet: '10.220.0.1/24' } });
  expect(after.inspect('bridge').IPAM.Config).toEqual([{ Subnet: '10.220.0.0/24', Gateway: '10.220.0.1' }]);
  expect(addressOf(await after.setUp(request()))).toBe('10.220.0.2');
});
