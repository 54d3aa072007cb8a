import { expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { onEachProcessor } from './processors.ts';

function allowed(): string {
  return /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync('/proc/thread-self/status', 'utf8'))?.[1] ?? '';
}

const passable = new RangeError('elsewhere, please');
const isPassable = (error: unknown): boolean => error === passable;

test('goes from processor to processor until the body succeeds, and back to all', () => {
  const before = allowed();
  const seen: string[] = [];
  const go = (): void =>
    onEachProcessor(() => {
      seen.push(allowed());
      throw passable;
    }, isPassable);
  expect(go).toThrow(passable);
  expect(seen.length).toBe(new Set(seen).size);
  expect(seen.every((list) => /^\d+$/.test(list))).toBe(true);
  expect(seen.length).toBeGreaterThan(0);
  expect(onEachProcessor(() => allowed(), isPassable)).toBe(seen[0] ?? '');
  expect(allowed()).toBe(before);
});

test('an error of another kind ends it', () => {
  let tries = 0;
  const go = (): void =>
    onEachProcessor(() => {
      tries++;
      throw new TypeError('no');
    }, isPassable);
  expect(go).toThrow(TypeError);
  expect(tries).toBe(1);
});
