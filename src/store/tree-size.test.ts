import { expect, test } from 'bun:test';
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { treeSizeBytes } from './tree-size.ts';

test('files and links of a tree, those with several names once, more than a slice of them', async () => {
  const root = mkdtempSync(join(tmpdir(), 'estiba-größe-'));
  try {
    mkdirSync(join(root, 'a/b'), { recursive: true });
    writeFileSync(join(root, 'a/b/größe'), 'x'.repeat(100));
    linkSync(join(root, 'a/b/größe'), join(root, 'again'));
    symlinkSync('target', join(root, 'link'));
    for (let index = 0; index < 1500; index += 1) writeFileSync(join(root, 'a', String(index)), 'y');
    expect(await treeSizeBytes(root)).toBe(100 + 'target'.length + 1500);
    expect(await treeSizeBytes(join(root, 'nothing'))).toBe(0);
    expect(await treeSizeBytes(join(root, 'link'))).toBe(0);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});
