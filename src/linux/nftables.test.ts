import { afterAll, expect, test } from 'bun:test';
import { runNftables } from './nftables.ts';
import { changeElements, type SetElement } from './nftables-elements.ts';

const table = `estiba-test-${process.pid}`;

function element(key: number, data: number): SetElement {
  return { family: 'ip', set: 'addresses', key: Buffer.from([10, 0, 0, key]), data: Buffer.from([10, 1, 0, data]) };
}

afterAll(() => {
  runNftables(`delete table ip ${table}`);
});

test('commands and elements, each as one transaction', () => {
  runNftables(`table ip ${table} {\nmap addresses { type ipv4_addr : ipv4_addr; }\n}`);
  changeElements(table, { add: [element(80, 1), element(81, 2)] });
  expect(runNftables(`list table ip ${table}`)).toMatch(
    /elements = \{ 10\.0\.0\.80 : 10\.1\.0\.1, 10\.0\.0\.81 : 10\.1\.0\.2 \}/,
  );
  expect(() => changeElements(table, { add: [element(82, 1), element(80, 1)] })).toThrow('EEXIST');
  expect(() => changeElements(table, { remove: [element(80, 1), element(83, 1)] })).toThrow('ENOENT');
  expect(() => changeElements(`${table}x`, { add: [element(80, 1)] })).toThrow('ENOENT');
  expect(runNftables(`list table ip ${table}`)).toMatch(
    /elements = \{ 10\.0\.0\.80 : 10\.1\.0\.1, 10\.0\.0\.81 : 10\.1\.0\.2 \}/,
  );
  changeElements(table, { remove: [element(80, 1), element(81, 2)] });
  expect(runNftables(`list table ip ${table}`)).not.toContain('elements');
});

test('tens of thousands of elements are one transaction too', () => {
  const many = Array.from({ length: 30_000 }, (_, index) => {
    const key = Buffer.alloc(4);
    key.writeUInt32BE(index);
    return { family: 'ip' as const, set: 'addresses', key, data: Buffer.from([10, 0, 0, 1]) };
  });
  changeElements(table, { add: many });
  expect(() => changeElements(table, { add: many.slice(-1) })).toThrow('EEXIST');
  changeElements(table, { remove: many });
  expect(runNftables(`list table ip ${table}`)).not.toContain('elements');
});

test('a complaint is the first one, without its place', () => {
  expect(() => runNftables('add rule ip no-such-table some accept')).toThrow(/^nftables: .*No such file or directory/);
  expect(() => runNftables('nonsense')).toThrow('syntax error');
});
