import { expect, test } from 'bun:test';
import { parseMac } from './mac.ts';

test('three spellings of an address, and nothing else', () => {
  for (const text of ['02:42:AC:11:00:02', '02-42-ac-11-00-02', '0242.ac11.0002']) {
    expect(parseMac(text)).toBe('02:42:ac:11:00:02');
  }
  for (const text of ['', 'zz', '02:42:ac:11:00', '02:42-ac:11:00:02', '02:42:ac:11:00:02:03', '0242ac110002']) {
    expect(parseMac(text)).toBeUndefined();
  }
});
