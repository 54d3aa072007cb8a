import { expect, test } from 'bun:test';
import { mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { measureTree } from './measure.ts';
import { Pace, TooMuch } from './pace.ts';

/** What this process has open below a directory. */
function openBelow(directory: string): string[] {
  return readdirSync('/proc/self/fd').flatMap((descriptor) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${descriptor}`);
      return path.startsWith(directory) ? [path] : [];
    } catch {
      return [];
    }
  });
}

test('a measure that is given up leaves nothing open', () => {
  const directory = mkdtempSync(join(tmpdir(), 'estiba-measure-'));
  try {
    writeFileSync(join(directory, 'large'), Buffer.alloc(4 << 20));
    expect(() => measureTree(directory, new Pace(true))).toThrow(TooMuch);
    expect(openBelow(directory)).toEqual([]);
    expect(measureTree(directory, new Pace(false)).tarSizeBytes).toBeGreaterThan(4 << 20);
    expect(openBelow(directory)).toEqual([]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
