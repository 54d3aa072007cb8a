import { afterAll, beforeAll, expect, test } from 'bun:test';
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { IndexedFile } from '#filesync';
import { digestOf } from '#oci';
import type { DirectoryResult, Result } from '../result.ts';
import type { LocalIndex } from '../session/session.ts';
import type { ContentSelection } from '../solver/steps.ts';
import { IndexedDirectory } from './digest-sources.ts';
import { digestTree } from './digest-tree.ts';
import { type FilesFixture, openFilesFixture, sketch, stepRun } from './testing.ts';

let fixture: FilesFixture;
let root: string;
const at = (...parts: string[]): string => join(root, ...parts);
const { signal } = new AbortController();

const files = {
  a: { content: 'A' },
  'd/b': { content: 'B' },
  'd/c.txt': { content: 'C' },
  'd/sub/deep/e': { content: 'E' },
  'd/l': { link: 'b' },
  l: { link: 'd' },
  dead: { link: 'nowhere' },
  'umlaut-ü': { content: 'Ü' },
} as const;

beforeAll(async () => {
  fixture = await openFilesFixture();
  root = join(fixture.root, 'tree');
  mkdirSync(root);
  sketch(root, files);
});
afterAll(() => fixture[Symbol.asyncDispose]());

/** What a client's directory would be known as. */
function indexOf(directory: string): LocalIndex {
  const entries = new Map<string, IndexedFile>();
  const visit = (path: string): void => {
    const below = readdirSync(join(directory, path)).sort();
    for (const name of below) {
      const whole = path === '' ? name : `${path}/${name}`;
      const file = join(directory, whole);
      const stat = lstatSync(file);
      const bytes = Buffer.from(whole).toString('latin1');
      entries.set(bytes, {
        path: bytes,
        ...{ mode: stat.mode, uid: stat.uid, gid: stat.gid, sizeBytes: stat.size, modifiedNs: 0n, device: stat.rdev },
        linkTarget: stat.isSymbolicLink() ? readlinkSync(file) : '',
        xattrs: new Map(),
        ...(stat.isFile() && { contentDigest: digestOf(readFileSync(file)) }),
      });
      if (stat.isDirectory()) visit(whole);
    }
  };
  visit('');
  return { entries: () => entries.values(), get: (path) => entries.get(path), file: '', digest: '' };
}

const digest = async (result: Result, selection: ContentSelection): Promise<string> =>
  (await fixture.files.digest(result, selection, { signal, listsFiles: false })).digest;
const local = (): DirectoryResult => ({ kind: 'directory', path: root });

const selections: readonly ContentSelection[] = [
  { source: '/' },
  { source: '' },
  { source: '/a' },
  { source: '/d' },
  { source: '/l', followsSymlink: true },
  { source: '/l' },
  { source: '/l/sub' },
  { source: '/d/*', allowsWildcard: true },
  { source: '/*-ü', allowsWildcard: true },
  { source: '/nothing*', allowsWildcard: true },
  { source: '/', includes: ['d/sub/**'] },
  { source: '/d', excludes: ['*', '!sub'] },
  { source: '/dead' },
];

test('files are told alike by an index, by reading them and as layers', async () => {
  const index = IndexedDirectory.of(indexOf(root));
  const layers = await fixture.files.asLayers(local(), stepRun([]));
  const found = new Set<string>();
  for (const selection of selections) {
    const read = await digest(local(), selection);
    expect([selection.source, digestTree(index, selection, false).digest]).toEqual([selection.source, read]);
    expect([selection.source, await digest(layers, selection)]).toEqual([selection.source, read]);
    found.add(read);
  }
  expect(() => digestTree(index, { source: '/d/none' }, false)).toThrow('"/d/none": not found');
  // The first two are one.
  expect(found.size).toBe(selections.length - 1);
  const { files: listed } = await fixture.files.digest(layers, { source: '/d' }, { signal, listsFiles: true });
  expect([...(listed ?? new Map()).keys()]).toEqual(['d/b', 'd/c.txt', 'd/l', 'd/sub/deep/e']);
  for (const result of [local(), layers]) {
    await expect(digest(result, { source: '/d/none' })).rejects.toThrow(
      /^failed to calculate checksum of ref \S+::\S+: "\/d\/none": not found$/,
    );
    await expect(digest(result, { source: '/dead', followsSymlink: true })).rejects.toThrow('"/dead": not found');
    await expect(digest(result, { source: '/d', requiredPaths: ['none'] })).rejects.toThrow('"/d/none": not found');
  }
  await expect(digest(layers, { source: '/', excludes: ['[a'] })).rejects.toThrow(
    'invalid excludepatterns: [[a]: syntax error in pattern',
  );
});

test('contents, modes, owners, names and links count, and times do not', async () => {
  const whole = { source: '/' };
  const before = await digest(local(), whole);
  const changes: readonly [() => void, () => void][] = [
    [() => writeFileSync(at('a'), 'other'), () => writeFileSync(at('a'), 'A')],
    [() => chmodSync(at('a'), 0o600), () => chmodSync(at('a'), 0o644)],
    [() => chmodSync(at('d'), 0o700), () => chmodSync(at('d'), 0o755)],
    [() => chownSync(at('d/b'), 1, 0), () => chownSync(at('d/b'), 0, 0)],
    [() => renameSync(at('d/b'), at('d/z')), () => renameSync(at('d/z'), at('d/b'))],
    [() => mkdirSync(at('d/new')), () => rmSync(at('d/new'), { recursive: true })],
  ];
  for (const [change, back] of changes) {
    change();
    expect(await digest(local(), whole)).not.toBe(before);
    back();
    for (const name of ['a', 'd', 'd/b']) utimesSync(at(name), 5, 5);
    expect(await digest(local(), whole)).toBe(before);
  }
});
