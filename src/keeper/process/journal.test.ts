import { expect, test } from 'bun:test';
import { appendFileSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Journal } from './journal.ts';

test('an exit is written where there is no room for anything else', () => {
  const disk = mkdtempSync(join(tmpdir(), 'estiba-journal-'));
  expect(Bun.spawnSync(['mount', '-t', 'tmpfs', '-o', 'size=256k', 'estiba-journal', disk]).exitCode).toBe(0);
  try {
    const journal = new Journal(disk);
    journal.create('a');
    expect(journal.readExit('a')).toBeUndefined();
    expect(() => {
      for (;;) appendFileSync(join(disk, 'filling'), Buffer.alloc(4096));
    }).toThrow('ENOSPC');
    expect(statfsSync(disk).bavail).toBe(0);
    journal.writeExit('a', { code: 7, atNs: '123' });
    expect(journal.readExit('a')).toEqual({ code: 7, atNs: '123' });
  } finally {
    Bun.spawnSync(['umount', '--lazy', disk]);
    rmSync(disk, { recursive: true, force: true });
  }
});
