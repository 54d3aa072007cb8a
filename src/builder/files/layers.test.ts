import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { FileAction, FileOperation, FileStep } from '../graph/operation.ts';
import type { LayersResult, Result } from '../result.ts';
import { type FilesFixture, layerLines, openFilesFixture, type Sketch, sketch, stepRun } from './testing.ts';

let fixture: FilesFixture;
let trees = 0;
beforeEach(async () => {
  fixture = await openFilesFixture();
});
afterEach(() => fixture[Symbol.asyncDispose]());

/** A layer of these files, on others. */
async function layer(files: Readonly<Record<string, Sketch>>, on?: LayersResult): Promise<LayersResult> {
  const path = join(fixture.root, `tree-${++trees}`);
  mkdirSync(path);
  sketch(path, files);
  const copied = await fixture.files.asLayers({ kind: 'directory', path }, stepRun([]));
  if (on === undefined) return copied;
  return fixture.files.merge(stepRun([on, copied]));
}

async function made(inputs: readonly Result[], ...actions: FileAction[]): Promise<LayersResult> {
  const operation: FileOperation = {
    type: 'file',
    actions: actions.map((action, index): FileStep => {
      const isLast = index === actions.length - 1;
      const input = index === 0 ? 0 : inputs.length + index - 1;
      return { input, secondaryInput: 1, output: isLast ? 0 : -1, action };
    }),
  };
  const [result] = await fixture.files.file(operation, stepRun(inputs));
  return result ?? { kind: 'layers', chain: [] };
}

/** The entries of each layer, from the base up, without their times. */
async function lines(result: Result): Promise<string[][]> {
  const all = await Promise.all(fixture.layers(result).map(({ directory }) => layerLines(directory)));
  return all.map((one) => one.map((line) => line.replace(/ (\+\d+|now)/, '')));
}

const remove = (path: string): FileAction => ({ type: 'remove', path, allowsNotFound: false, allowsWildcard: false });
const makeFile = (path: string, text: string): FileAction => ({
  type: 'make-file',
  path,
  mode: 0o600,
  content: Buffer.from(text),
});
const makeDirectory = (path: string): FileAction => ({ type: 'make-directory', path, mode: 0o750, makesParents: true });

test('layers are put on others as they are, with what they remove; those that are there already are found again', async () => {
  const base = await layer({ 'etc/a': { content: 'a' }, 'etc/b': { content: 'b' }, 'd/old': { content: 'old' } });
  const other = await layer({ 'etc/b': { content: 'B', mode: 0o600 }, 'd/x': { content: 'x' } });
  const changed = await made([other], remove('/d'), makeDirectory('/d/new'), remove('/etc/b'));
  const merged = await fixture.files.merge(stepRun([base, changed]));
  expect(await lines(merged)).toEqual([
    [
      'directory d 755 0:0',
      'file d/old 644 0:0 3',
      'directory etc 755 0:0',
      'file etc/a 644 0:0 1',
      'file etc/b 644 0:0 1',
    ],
    ['directory d 755 0:0', 'file d/x 644 0:0 1', 'directory etc 755 0:0', 'file etc/b 600 0:0 1'],
    [
      'directory d 750 0:0',
      'mark d/.wh..wh..opq',
      'directory d/new 750 0:0',
      'directory etc 755 0:0',
      'mark etc/.wh.b',
    ],
  ]);
  const opened = await fixture.files.open(merged);
  expect(Bun.spawnSync(['find', '.', '-type', 'f'], { cwd: opened.directory }).stdout.toString()).toBe('./etc/a\n');
  await opened.close();
  expect(await fixture.files.merge(stepRun([base, changed]))).toEqual(merged);
  expect(fixture.layers(merged)[2]?.diffId).toBe(fixture.layers(changed)[1]?.diffId ?? '');
});

test('what one file system has more than another is its layers, or what differs', async () => {
  const base = await layer({ 'etc/a': { content: 'a' }, 'etc/b': { content: 'b' }, 'd/old': { content: 'old' } });
  const above = await made([base], remove('/etc/b'), makeFile('/etc/c', 'c'));
  const more = await fixture.files.diff(base, above, stepRun([base, above]));
  expect(await lines(more)).toEqual([['directory etc 755 0:0', 'mark etc/.wh.b', 'file etc/c 600 0:0']]);
  expect(await fixture.files.diff(undefined, base, stepRun([base]))).toEqual(base);
  const apart = await layer({ 'etc/a': { content: 'a' }, 'etc/b': { content: 'other' }, 'etc/n/m': { content: 'm' } });
  const differing = await fixture.files.diff(base, apart, stepRun([base, apart]));
  expect(await lines(differing)).toEqual([
    [
      'mark .wh.d',
      'directory etc 755 0:0',
      'file etc/b 644 0:0 5',
      'directory etc/n 755 0:0',
      'file etc/n/m 644 0:0 1',
    ],
  ]);
  const again = await fixture.files.merge(stepRun([base, differing]));
  const whole = { source: '/' };
  const options = { signal: new AbortController().signal, listsFiles: false };
  expect(await fixture.files.digest(again, whole, options)).toEqual(await fixture.files.digest(apart, whole, options));
});

test('an operation may end in several layers, and copy from what it has just made', async () => {
  const base = await layer({ 'etc/a': { content: 'a' } });
  const copy: FileAction = {
    type: 'copy',
    ...{ source: '/made', destination: '/copied', followsSymlink: false, copiesContents: true, unpacks: false },
    ...{ createsDestination: true, allowsWildcard: false, allowsEmptyWildcard: false, includes: [], excludes: [] },
    replaces: false,
  };
  const operation: FileOperation = {
    type: 'file',
    actions: [
      { input: -1, secondaryInput: -1, output: -1, action: makeDirectory('/made') },
      { input: 1, secondaryInput: -1, output: 1, action: makeFile('/made/file', 'made') },
      { input: 0, secondaryInput: 2, output: 0, action: copy },
      { input: 3, secondaryInput: -1, output: 2, action: remove('/etc') },
    ],
  };
  const results = await fixture.files.file(operation, stepRun([base]));
  const copied = ['directory copied 755 0:0', 'file copied/file 600 0:0'];
  expect(await Promise.all(results.map(async (result) => (await lines(result)).at(-1)))).toEqual([
    copied,
    ['directory made 750 0:0', 'file made/file 600 0:0'],
    [...copied, 'mark .wh.etc'],
  ]);
  expect(results.map(({ chain }) => chain.length)).toEqual([2, 1, 2]);
  const circle = { ...operation, actions: [{ input: 1, secondaryInput: -1, output: 0, action: makeFile('/x', '') }] };
  await expect(fixture.files.file(circle, stepRun([base]))).rejects.toThrow('invalid input index 1');
  const failing = {
    ...operation,
    actions: [{ input: 0, secondaryInput: -1, output: 0, action: makeFile('/no/x', '') }],
  };
  await expect(fixture.files.file(failing, stepRun([base]))).rejects.toThrow('open /no/x: no such file or directory');
});
