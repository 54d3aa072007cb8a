import { expect, test } from 'bun:test';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Spool } from './spool.ts';

test('gives back what it was given, in order, however pushes and wants mix, and leaves no file', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'estiba-spool-'));
  const pieces: Buffer[] = [];
  let wake: () => void = () => undefined;
  const spool = new Spool(directory, (bytes) => {
    pieces.push(bytes);
    wake();
  });
  const take = (): Promise<void> => {
    const delivered = new Promise<void>((resolve) => (wake = resolve));
    spool.want();
    return delivered;
  };
  const given: Buffer[] = [];
  for (let round = 0; round < 60; round++) {
    const bytes = Buffer.alloc(1000 + ((round * 7919) % 90_000), round);
    given.push(bytes);
    spool.push(bytes);
    if (round % 3 === 2) await take();
  }
  while (!spool.isEmpty) await take();
  const [before, after] = [Buffer.concat(given), Buffer.concat(pieces)];
  expect(after.length).toBe(before.length);
  expect(after.equals(before)).toBe(true);
  expect(spool.isStrained).toBe(false);
  spool.close();
  expect(readdirSync(directory)).toEqual([]);
  rmSync(directory, { recursive: true });
});

test('a disk that takes nothing strains it, and loses nothing', async () => {
  const { promise, resolve } = Promise.withResolvers<Buffer>();
  const spool = new Spool('/nonexistent', resolve);
  for (let round = 0; round < 20; round++) spool.push(Buffer.alloc(300_000, round));
  expect(spool.isStrained).toBe(true);
  while (!spool.isEmpty) {
    spool.want();
    expect((await promise).length).toBe(6_000_000);
  }
  spool.close();
});
