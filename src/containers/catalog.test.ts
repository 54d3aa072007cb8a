import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openRecords, type Records } from '#store';
import { openCatalog } from './catalog.ts';
import { type ContainerRecord, neverStarted } from './record.ts';

let root = '';
let records: Records;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'estiba-catalog-'));
  records = openRecords(join(root, 'records.db'));
});
afterEach(() => {
  records[Symbol.dispose]();
  rmSync(root, { recursive: true });
});

function record(id: string, name: string): ContainerRecord {
  return { id, name, life: neverStarted, endpoints: {} } as unknown as ContainerRecord;
}

test('finds by name, id and unique prefix; the name comes first', () => {
  const catalog = openCatalog(records);
  catalog.insert(record('abc1', 'web'));
  catalog.insert(record('abd2', 'abc'));
  expect(catalog.find('/web').id).toBe('abc1');
  expect(catalog.find('abc').id).toBe('abd2');
  expect(catalog.find('abc1').id).toBe('abc1');
  expect(() => catalog.find('ab')).toThrow('multiple IDs found with provided prefix: ab');
  expect(() => catalog.find('zzz')).toThrow('No such container: zzz');
  expect(() => catalog.insert(record('abe3', 'web'))).toThrow('already in use by container "abc1"');
});

test('a rename frees the old name, also for the next process that opens the records', () => {
  const catalog = openCatalog(records);
  catalog.insert(record('a1', 'old'));
  catalog.put({ ...catalog.find('old'), name: 'new' });
  catalog.insert(record('b2', 'old'));
  const again = openCatalog(records);
  expect([again.find('new').id, again.find('old').id]).toEqual(['a1', 'b2']);
});

test('watchers see each change and the removal, until disposed', () => {
  const catalog = openCatalog(records);
  catalog.insert(record('a1', 'x'));
  const seen: (string | undefined)[] = [];
  const watch = catalog.watch('a1', (next) => seen.push(next?.name));
  catalog.put({ ...catalog.find('x'), name: 'y' });
  catalog.delete('a1');
  watch[Symbol.dispose]();
  catalog.insert(record('a1', 'z'));
  catalog.delete('a1');
  expect(seen).toEqual(['y', undefined]);
});

test('records of older engines become those of this one', () => {
  const [id, hostConfig] = ['abc1', { NetworkMode: 'bridge' }];
  const old = { ...record(id, 'web'), hostConfig, endpoints: { default: { Aliases: ['w'] } } };
  records.collection('containers').put(old as unknown as ContainerRecord);
  expect(openCatalog(records).find('web').endpoints).toEqual({ bridge: { Aliases: ['w'] } });
});
