import { expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spreadDirectories } from './directory-spread.ts';

function output(...command: string[]): string {
  return Bun.spawnSync(command).stdout.toString();
}

test('ext4 is told, once and again; other file systems do not mind', () => {
  const directory = mkdtempSync(join(tmpdir(), 'spread-test-'));
  try {
    for (let round = 0; round < 2; round += 1) spreadDirectories(directory);
    const isExt4 = output('stat', '-f', '-c', '%T', directory).trim() === 'ext2/ext3';
    const attributes = output('lsattr', '-d', directory).split(' ')[0] ?? '';
    expect(attributes.includes('T')).toBe(isExt4 && attributes !== '');
    spreadDirectories('/proc/self');
  } finally {
    rmSync(directory, { recursive: true });
  }
});
