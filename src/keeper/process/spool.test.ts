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

/** Pushes pieces and takes them all; counts the moments at which the spool was empty too early. */
async function passThrough(directory: string): Promise<{ tooEarly: number; isWhole: boolean }> {
  const pieces = Array.from({ length: 8 }, (_, index) => Buffer.alloc(100 * 1024, String.fromCharCode(65 + index)));
  const total = pieces.reduce((sum, { length }) => sum + length, 0);
  const delivered: Buffer[] = [];
  let [deliveredBytes, tooEarly] = [0, 0];
  const done = Promise.withResolvers<void>();
  const spool = new Spool(directory, (bytes) => {
    delivered.push(bytes);
    deliveredBytes += bytes.length;
    if (deliveredBytes === total) done.resolve();
    else spool.want();
  });
  const look = (): void => {
    if (spool.isEmpty && deliveredBytes < total) tooEarly += 1;
    if (deliveredBytes < total) setImmediate(look);
  };
  for (const piece of pieces) spool.push(piece);
  spool.want();
  look();
  await done.promise;
  spool.close();
  return { tooEarly, isWhole: Buffer.concat(delivered).equals(Buffer.concat(pieces)) };
}

test('it is empty only when all that was pushed has been delivered', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'estiba-spool-'));
  for (let round = 0; round < 60; round++) {
    expect(await passThrough(directory)).toEqual({ tooEarly: 0, isWhole: true });
  }
  rmSync(directory, { recursive: true });
});
