import { expect, test } from 'bun:test';
import { addressText, overlaps, parsePrefix, prefixText, readAddress } from './ip.ts';
import { macOf } from './mac.ts';
import { AddressPlan } from './plan.ts';
import { chooseSubnet, predefinedPools, uniqueLocalPool } from './subnets.ts';

test('a plan gives out the lowest free address, never one that is taken', () => {
  const plan = new AddressPlan(parsePrefix('172.20.0.0/29'));
  plan.take('172.20.0.2');
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
  expect(plan.allocate()).toBeUndefined();
});

test('a plan keeps to its range, and gives what is asked for in all of the subnet', () => {
  const plan = new AddressPlan(parsePrefix('10.9.0.0/24'), parsePrefix('10.9.0.252/30'));
  expect([plan.allocate(), plan.allocate(), plan.allocate(), plan.allocate()]).toEqual([
    '10.9.0.252',
    '10.9.0.253',
    '10.9.0.254',
    undefined,
  ]);
  expect(plan.claim('10.9.0.7')).toBe('10.9.0.7');
  for (const taken of ['10.9.0.7', '10.9.0.0', '10.9.0.255', '10.9.0.253']) {
    expect(() => plan.claim(taken)).toThrow('Address already in use');
  }
});

test('small subnets and those of IPv6 are used whole', () => {
  const both = new AddressPlan(parsePrefix('10.9.0.4/31'));
  expect([both.allocate(), both.allocate(), both.allocate()]).toEqual(['10.9.0.4', '10.9.0.5', undefined]);
  const wide = new AddressPlan(parsePrefix('fd00:1::/64'));
  expect([wide.allocate(), wide.allocate()]).toEqual(['fd00:1::1', 'fd00:1::2']);
  expect(wide.claim('fd00:1::ffff:ffff:ffff:fff')).toBe('fd00:1::ffff:ffff:ffff:fff');
  expect(wide.isUsable('fd00:1::ffff:ffff:ffff:fff')).toBe(false);
});

test('addresses are read and written in both families', () => {
  for (const [given, shown] of [
    ['0:0:0:0:0:0:0:1', '::1'],
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['::ffff:1.2.3.4', '::ffff:102:304'],
    ['fe80::', 'fe80::'],
    ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
    ['192.0.2.255', '192.0.2.255'],
  ] as const) {
    const read = readAddress(given);
    expect(read && addressText(read.family, read.value)).toBe(shown);
  }
  for (const wrong of ['', '1.2.3', '1.2.3.256', ':::', 'fe80::1%eth0', 'x']) {
    expect(readAddress(wrong)).toBeUndefined();
  }
});

test('subnets overlap when one holds the other', () => {
  const at = parsePrefix;
  expect(overlaps(at('172.17.0.0/16'), at('172.17.200.0/24'))).toBe(true);
  expect(overlaps(at('172.17.200.0/24'), at('172.17.0.0/16'))).toBe(true);
  expect(overlaps(at('172.17.0.0/16'), at('172.18.0.0/16'))).toBe(false);
  expect(overlaps(at('0.0.0.0/0'), at('192.168.0.0/20'))).toBe(true);
  expect(overlaps(at('::/0'), at('192.168.0.0/20'))).toBe(false);
  expect(prefixText(at('192.168.77.9/20'))).toBe('192.168.64.0/20');
  expect(prefixText(at('fd00:0:0:1:2::/64'))).toBe('fd00:0:0:1::/64');
  for (const wrong of ['172.17.0.0', '172.17.0.256/16', '172.17.0.0/33', 'fd00::/129', '/8']) {
    expect(() => at(wrong)).toThrow('invalid CIDR address');
  }
});

test('a subnet is the first of the pools that overlaps nothing', () => {
  const used = ['172.17.0.0/16', '172.19.3.0/24', '172.16.0.0/24', '172.20.255.0/30'].map(parsePrefix);
  const taken: string[] = [];
  for (let count = 0; count < 31; count++) {
    const next = chooseSubnet(4, predefinedPools, [...used, ...taken.map(parsePrefix)]);
    taken.push(prefixText(next));
    if (taken.length === 28) break;
  }
  expect(taken.slice(0, 3)).toEqual(['172.18.0.0/16', '172.21.0.0/16', '172.22.0.0/16']);
  expect(taken.at(-1)).toBe('192.168.240.0/20');
  expect(() => chooseSubnet(4, predefinedPools, [...used, ...taken.map(parsePrefix)])).toThrow(
    'all predefined address pools have been fully subnetted',
  );
  // One route over a whole pool is stepped over at once.
  const pool = [{ base: '10.0.0.0/8', size: 24 }];
  expect(prefixText(chooseSubnet(4, pool, [parsePrefix('10.0.0.0/9')]))).toBe('10.128.0.0/24');
});

test('an engine has its own range of unique local addresses', () => {
  const [one, other] = ['one', 'other'].map(uniqueLocalPool);
  expect(one?.base).toMatch(/^fd[0-9a-f]{2}:[0-9a-f]{1,4}:[0-9a-f]{1,4}::\/48$/);
  expect(uniqueLocalPool('one')).toEqual(one ?? { base: '', size: 0 });
  expect(other?.base).not.toBe(one?.base);
  const first = chooseSubnet(6, one === undefined ? [] : [one], []);
  const second = chooseSubnet(6, one === undefined ? [] : [one], [first]);
  expect([first.length, second.length]).toEqual([64, 64]);
  expect(overlaps(first, second)).toBe(false);
});

test('a MAC address follows from the address', () => {
  expect(macOf('172.17.0.255')).toBe('02:42:ac:11:00:ff');
  expect(macOf('fd00::1:2')).toBe('02:46:00:01:00:02');
});
