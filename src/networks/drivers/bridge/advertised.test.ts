import { expect, test } from 'bun:test';
import { advertisedDevices } from './advertised.ts';

test('only the way to the world that a router has advertised counts', () => {
  const zero = '0'.repeat(32);
  const line = (flags: string, device: string) =>
    `${zero} 00 ${zero} 00 fe8000000000000002fcfffffe000001 00000400 00000003 00000000 ${flags}     ${device}`;
  const routes = [
    line('00450003', 'eth0'),
    line('00000003', 'eth1'),
    line('00040001', 'eth2'),
    line('00450003', 'eth0'),
  ];
  expect(advertisedDevices(`${routes.join('\n')}\n`)).toEqual(['eth0']);
  expect(advertisedDevices('')).toEqual([]);
});
