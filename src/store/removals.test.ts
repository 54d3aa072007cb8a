import { afterEach, beforeEach, expect, test } from 'bun:test';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Removals } from './removals.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'removals-test-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test('trees go, each with all that is in it, and nothing that a link in them leads to', async () => {
  const outside = join(directory, 'outside');
  writeFileSync(outside, 'stays');
  const trees = ['one', '-two', 'thr\nee'].map((name) => join(directory, name));
  for (const tree of trees) {
    mkdirSync(join(tree, 'a/b/c'), { recursive: true });
    writeFileSync(join(tree, 'a/b/file'), 'goes');
    symlinkSync(outside, join(tree, 'a/link'));
  }
  const removals = new Removals();
  const [first = '', ...others] = trees;
  await removals.remove(first);
  expect(existsSync(first)).toBe(false);
  expect(others.every(existsSync)).toBe(true);
  await Promise.all([...others, join(directory, 'none')].map((tree) => removals.remove(tree)));
  expect(readdirSync(directory)).toEqual(['outside']);
});

test('without programs for it the work is done here', async () => {
  const path = process.env.PATH;
  const tree = join(directory, 'tree');
  mkdirSync(join(tree, 'a/b'), { recursive: true });
  process.env.PATH = directory;
  try {
    await new Removals().remove(tree);
  } finally {
    process.env.PATH = path;
  }
  expect(readdirSync(directory)).toEqual([]);
});
