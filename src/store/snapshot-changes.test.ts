import { afterEach, beforeEach, expect, test } from 'bun:test';
import {
  chmodSync,
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DirectoryChain } from '#linux/directory-chain';
import { makeDirectoryAt, openAt } from '#linux/file-tree';
import { mountOverlay, unmount } from '#linux/mount';
import { trimTree } from '#linux/remove-tree';
import { type Change, changesOf } from './snapshot-changes.ts';

let directory: string;
const at = (...parts: string[]): string => join(directory, ...parts);
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'estiba-changes-'));
  for (const name of ['base', 'middle', 'upper', 'work', 'merged']) mkdirSync(at(name));
});
afterEach(() => {
  unmount(at('merged'), { lazy: true });
  rmSync(directory, { recursive: true });
});

/** Makes files (a name that ends in a slash: a directory) that are all of one age. */
function fill(layer: string, names: readonly string[]): void {
  for (const name of names) {
    mkdirSync(at(layer, name.endsWith('/') ? name : join(name, '..')), { recursive: true });
    if (!name.endsWith('/')) writeFileSync(at(layer, name), layer);
    utimesSync(at(layer, name), 1e9, 1e9);
  }
}

/** What `change` does to the mounted file system, as docker diff prints it. */
async function changed(change: (path: (name: string) => string) => void, hidden: string[] = []): Promise<string[]> {
  const lower = [at('middle'), at('base')];
  mountOverlay({ target: at('merged'), lower, upper: at('upper'), work: at('work') });
  change((name) => at('merged', name));
  const changes = await changesOf(at('upper'), lower, new Set(hidden));
  return changes.map(({ path, kind }: Change) => `${'CAD'[kind]} ${path}`);
}

test('added, changed and deleted, parents first; what only looks changed is not told', async () => {
  fill('base', ['d/kept', 'd/changed', 'd/gone', 'same/f', 'mode/f']);
  fill('middle', ['d/above']);
  const changes = await changed((path) => {
    writeFileSync(path('d/changed'), 'other');
    rmSync(path('d/gone'));
    rmSync(path('d/above'));
    writeFileSync(path('d/new'), '');
    chmodSync(path('mode'), 0o700);
    // Copied up, but as it was.
    chmodSync(path('same/f'), 0o600);
    chmodSync(path('same/f'), 0o644);
    mkdirSync(path('n/e/w'), { recursive: true });
  });
  expect(changes).toEqual([
    ...['C /d', 'D /d/above', 'C /d/changed', 'D /d/gone', 'A /d/new', 'C /mode', 'A /n', 'A /n/e', 'A /n/e/w'],
  ]);
});

test('a directory made anew hides what was in it, at every depth, in every layer', async () => {
  fill('base', ['z/t', 'z/keep/o', 'z/keep/below/f', 'file']);
  fill('middle', ['z/m', 'z/keep/n']);
  const changes = await changed((path) => {
    rmSync(path('z'), { recursive: true });
    for (const name of ['z', 'z/keep', 'z/keep/below']) mkdirSync(path(name));
    writeFileSync(path('z/keep/n'), 'new');
    rmSync(path('file'));
    mkdirSync(path('file'));
    writeFileSync(path('file/in'), '');
  });
  expect(changes).toEqual([
    ...['C /file', 'A /file/in', 'C /z', 'C /z/keep', 'C /z/keep/below', 'D /z/keep/below/f'],
    ...['C /z/keep/n', 'D /z/keep/o', 'D /z/m', 'D /z/t'],
  ]);
});

test('what the engine makes is no change, what is put beside it is', async () => {
  fill('base', ['etc/passwd']);
  const hidden = ['/etc', '/etc/hosts', '/dev'];
  const changes = await changed((path) => {
    for (const name of ['etc/hosts', 'etc/own']) writeFileSync(path(name), '');
    mkdirSync(path('dev'));
    symlinkSync('x', path('dev/link'));
  }, hidden);
  expect(changes).toEqual(['A /dev/link', 'C /etc', 'A /etc/own']);
});

/** Goes down by one name many times, making what is missing, and leaves a file at each tenth level. */
function dig(root: string, levels: number, file: string): void {
  using chain = new DirectoryChain(openSync(root, 'r'));
  for (let level = 1; level <= levels; level++) {
    makeDirectoryAt(chain.descriptor, 'e'.repeat(100), 0o755);
    chain.enter('e'.repeat(100));
    if (level % 10 === 0) closeSync(openAt(chain.descriptor, file, constants.O_CREAT | constants.O_WRONLY, 0o644));
  }
}

test('a way down longer than the kernel takes paths, in all layers', async () => {
  dig(at('base'), 80, 'below');
  dig(at('middle'), 60, 'between');
  const changes = await changed((path) => dig(path(''), 90, 'made'));
  const kinds = (kind: string, name: RegExp) =>
    changes.filter((line) => line.startsWith(kind) && name.test(line)).length;
  expect([kinds('C ', /e$/), kinds('A ', /e{100}$/), kinds('A ', /\/made$/), changes.length]).toEqual([80, 10, 9, 99]);
  await trimTree(at('upper'));
  expect(await changesOf(at('upper'), [at('base')], new Set())).toHaveLength(66);
  for (const layer of ['base', 'middle']) await trimTree(at(layer));
});
