import { afterEach, beforeEach, expect, test } from 'bun:test';
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kindOf } from '#std/errors';
import { openRecords, type Records } from './records.ts';

interface Thing {
  readonly id: string;
  readonly text: string;
}

/** A file system of 16 MB that a test fills to its last byte. */
let disk: string;
let filling: string;

beforeEach(() => {
  disk = mkdtempSync(join(tmpdir(), 'estiba-room-'));
  filling = join(disk, 'filling');
  const { exitCode } = Bun.spawnSync(['mount', '-t', 'tmpfs', '-o', 'size=16m', 'estiba-room', disk]);
  expect(exitCode).toBe(0);
});
afterEach(() => {
  Bun.spawnSync(['umount', '--lazy', disk]);
  rmSync(disk, { recursive: true, force: true });
});

function fill(): void {
  for (let bytes = 1024 * 1024; bytes >= 1; bytes = Math.trunc(bytes / 4)) {
    try {
      for (;;) appendFileSync(filling, Buffer.alloc(bytes, 1));
    } catch {
      // Not even that much is left.
    }
  }
  expect(() => writeFileSync(join(disk, 'one-more'), 'x')).toThrow('ENOSPC');
  rmSync(join(disk, 'one-more'), { force: true });
}

const open = (): Records => openRecords(join(disk, 'records.db'));
const thing = (id: string, length = 3000): Thing => ({ id, text: 'x'.repeat(length) });

test('on a full disk records are still changed, made and removed, and the next engine finds them', () => {
  const before = open();
  const things = before.collection<Thing>('things');
  for (let index = 0; index < 50; index += 1) things.put(thing(`old-${index}`));
  fill();
  for (let index = 0; index < 300; index += 1) {
    before.transaction(() => {
      things.put(thing(`old-${index % 50}`, 3500));
      things.put(thing(`new-${index}`, 1000));
    });
  }
  for (let index = 0; index < 50; index += 1) things.delete(`old-${index}`);
  before[Symbol.dispose]();
  // What frees room between the two is taken by others at once.
  rmSync(join(disk, 'records.db-shm'), { force: true });
  fill();

  const after = open();
  const found = after.collection<Thing>('things');
  expect(found.size).toBe(300);
  found.put(thing('and-one-more'));
  expect(found.get('new-299')?.text.length).toBe(1000);
  after[Symbol.dispose]();
});

test('when that room has been used up too, a change fails whole, and is possible again once there is room', () => {
  const records = open();
  const things = records.collection<Thing>('things');
  fill();
  let made = 0;
  let failure: unknown;
  while (failure === undefined) {
    try {
      records.transaction(() => {
        things.put(thing(`a-${made}`, 100_000));
        things.put(thing(`b-${made}`, 100_000));
      });
      made += 1;
    } catch (error) {
      failure = error;
    }
  }
  expect(kindOf(failure)).toBe('exhausted');
  expect(made).toBeGreaterThan(5);
  expect([things.size, things.get(`a-${made}`)]).toEqual([2 * made, undefined]);
  // Removal needs little, and gives room.
  things.delete('a-0');
  things.delete('b-0');
  things.put(thing('small', 1000));
  rmSync(filling);
  things.put(thing('large', 2_000_000));
  records[Symbol.dispose]();
  const again = open();
  expect(again.collection<Thing>('things').size).toBe(2 * made);
  again[Symbol.dispose]();
});
