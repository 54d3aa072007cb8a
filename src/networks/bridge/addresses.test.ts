import { expect, test } from 'bun:test';
import { AddressPlan, defaultPools, macOf, overlaps, parseSubnet, subnetText } from './addresses.ts';

test('a plan gives out the lowest free address, never the gateway', () => {
  const plan = new AddressPlan(parseSubnet('172.20.0.0/29'), '172.20.0.2');
  const given = [plan.allocate(), plan.allocate(), plan.allocate()];
  expect(given).toEqual(['172.20.0.1', '172.20.0.3', '172.20.0.4']);
  plan.release('172.20.0.1');
  plan.release('172.20.0.4');
  expect([plan.allocate(), plan.allocate(), plan.allocate(), plan.allocate()]).toEqual([
    '172.20.0.1',
    '172.20.0.4',
    '172.20.0.5',
    '172.20.0.6',
  ]);
  expect(() => plan.allocate()).toThrow('no available IPv4 addresses');
});

test('subnets overlap when one holds the other', () => {
  const at = parseSubnet;
  expect(overlaps(at('172.17.0.0/16'), at('172.17.200.0/24'))).toBe(true);
  expect(overlaps(at('172.17.200.0/24'), at('172.17.0.0/16'))).toBe(true);
  expect(overlaps(at('172.17.0.0/16'), at('172.18.0.0/16'))).toBe(false);
  expect(overlaps(at('0.0.0.0/0'), at('192.168.0.0/20'))).toBe(true);
  expect(subnetText(at('192.168.77.9/20'))).toBe('192.168.64.0/20');
  expect(() => at('172.17.0.0')).toThrow('invalid CIDR address');
  expect(() => at('172.17.0.256/16')).toThrow('invalid IP address');
});

test('the default pools are apart from each other', () => {
  const pools = [...defaultPools()];
  expect(pools.map(subnetText).slice(0, 2)).toEqual(['172.17.0.0/16', '172.18.0.0/16']);
  for (const [index, pool] of pools.entries()) {
    expect(pools.slice(index + 1).some((other) => overlaps(pool, other))).toBe(false);
  }
});

test('a MAC address follows from the address', () => {
  expect(macOf('172.17.0.255')).toBe('02:42:ac:11:00:ff');
});
