import { afterEach, beforeEach, expect, test } from 'bun:test';
import {
  chmodSync,
  closeSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setXattrOf } from '#linux/file-tree';
import { mountOverlay, unmount } from '#linux/mount';
import { readXattr } from '#linux/xattr';
import type { CopyAction, FileAction } from '../graph/operation.ts';
import { doFileJob } from './jobs.ts';
import type { Measured } from './measure.ts';
import type { JobAction } from './step-job.ts';

let directory: string;
const at = (...parts: string[]): string => join(directory, ...parts);
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'estiba-files-'));
  for (const name of ['source', 'base', 'layer', 'merged']) mkdirSync(at(name));
});
afterEach(() => {
  unmount(at('merged'), { lazy: true });
  rmSync(directory, { recursive: true });
});

/** Files by their names; one that ends in a slash is a directory, `name -> target` a link. */
function fill(tree: string, files: Readonly<Record<string, string>>): void {
  for (const [name, content] of Object.entries(files)) {
    const [path = '', target] = name.split(' -> ');
    mkdirSync(at(tree, path.endsWith('/') ? path : join(path, '..')), { recursive: true });
    if (target !== undefined) symlinkSync(target, at(tree, path));
    else if (!path.endsWith('/')) writeFileSync(at(tree, path), content);
  }
}

const copy: Omit<CopyAction, 'source' | 'destination'> = {
  type: 'copy',
  followsSymlink: true,
  copiesContents: true,
  unpacks: false,
  createsDestination: true,
  allowsWildcard: true,
  allowsEmptyWildcard: true,
  includes: [],
  excludes: [],
  replaces: false,
};

function encode(action: FileAction): JobAction {
  if (action.type === 'copy') return { copy: action, source: [at('source')] };
  if (action.type !== 'make-file') return { other: action };
  return { makeFile: action, contentBase64: Buffer.from(action.content).toString('base64') };
}

async function run(...actions: FileAction[]): Promise<Measured | undefined> {
  const drafts = [{ directory: at('layer'), lower: [at('base')], actions: actions.map(encode) }];
  return (await doFileJob('step', { drafts }, false))[0];
}

const copying = (source: string, destination: string, more: Partial<CopyAction> = {}): CopyAction => ({
  ...copy,
  ...more,
  source,
  destination,
});

/** What the layer shows over the base: `path mode uid:gid what`. */
function shown(): string[] {
  mountOverlay({ target: at('merged'), lower: [at('layer'), at('base')] });
  try {
    return list(at('merged'));
  } finally {
    unmount(at('merged'));
  }
}

function list(root: string, path = ''): string[] {
  return readdirSync(join(root, path))
    .sort()
    .flatMap((name) => {
      const below = join(path, name);
      const stat = lstatSync(join(root, below));
      const what = stat.isSymbolicLink()
        ? `-> ${readlinkSync(join(root, below))}`
        : stat.isFile()
          ? JSON.stringify(readFileSync(join(root, below), 'latin1').slice(0, 20))
          : '';
      const line = `${below} ${(stat.mode & 0o7777).toString(8)} ${stat.uid}:${stat.gid} ${what}`.trim();
      return stat.isDirectory() ? [line, ...list(root, below)] : [line];
    });
}

test('a file and a directory are copied over what is there', async () => {
  fill('base', { 'etc/passwd': 'root', 'etc/old': 'old', 'app/kept': 'kept', 'app/sub/gone': '' });
  chmodSync(at('base', 'app'), 0o700);
  fill('source', { a: 'A', 'd/sub/b': 'B', 'd/sub/c -> ../b': '' });
  chmodSync(at('source', 'd', 'sub'), 0o750);
  await run(copying('a', '/etc/old'), copying('a', '/new/deep/'), copying('d', '/app'));
  expect(shown()).toEqual([
    'app 700 0:0',
    'app/kept 644 0:0 "kept"',
    'app/sub 750 0:0',
    'app/sub/b 644 0:0 "B"',
    'app/sub/c 777 0:0 -> ../b',
    'app/sub/gone 644 0:0 ""',
    'etc 755 0:0',
    'etc/old 644 0:0 "A"',
    'etc/passwd 644 0:0 "root"',
    'new 755 0:0',
    'new/deep 755 0:0',
    'new/deep/a 644 0:0 "A"',
  ]);
});

test('what is removed, made and linked is seen over the layers below, and nothing else changes', async () => {
  fill('base', {
    'gone/deep/file': 'x',
    'logs/a.log': 'a',
    'logs/b.log': 'b',
    'logs/keep.txt': 'keep',
    'kept/old': 'old',
    'again/before': 'before',
    'here -> kept': '',
  });
  writeFileSync(at('base', 'kept/script'), 'old', { mode: 0o700 });
  await run(
    { type: 'remove', path: '/gone', allowsNotFound: false, allowsWildcard: false },
    { type: 'remove', path: '/logs/*.log', allowsNotFound: false, allowsWildcard: true },
    { type: 'remove', path: '/none/at/all', allowsNotFound: true, allowsWildcard: false },
    { type: 'remove', path: '/again', allowsNotFound: false, allowsWildcard: false },
    { type: 'make-directory', path: '/again/new/er', mode: 0o711, makesParents: true, owner: { user: 3, group: 4 } },
    { type: 'make-file', path: '/here/made', mode: 0o640, content: Buffer.from('made'), owner: { user: 5 } },
    { type: 'make-file', path: '/kept/script', mode: 0o644, content: Buffer.from('new') },
    { type: 'symlink', path: '/kept/link', target: '/nowhere' },
  );
  expect(shown()).toEqual([
    'again 711 3:4',
    'again/new 711 3:4',
    'again/new/er 711 3:4',
    'here 777 0:0 -> kept',
    'kept 755 0:0',
    'kept/link 777 0:0 -> /nowhere',
    'kept/made 640 5:5 "made"',
    'kept/old 644 0:0 "old"',
    'kept/script 700 0:0 "new"',
    'logs 755 0:0',
    'logs/keep.txt 644 0:0 "keep"',
  ]);
});

test('patterns choose what is copied, and directories on the way come only with what is in them', async () => {
  fill('source', {
    'src/app/main.go': '1',
    'src/app/main_test.go': '2',
    'src/app/sub/util.go': '3',
    'src/empty/': '',
    'src/doc/readme.md': '4',
    'src/doc/deep/er/x.md': '5',
  });
  chmodSync(at('source', 'src/doc'), 0o711);
  await run(
    copying('/', '/parents', { includes: ['src/doc/**/*.md', 'src/app/sub'], requiredPaths: ['src/app/sub'] }),
    copying('src', '/excluded', { excludes: ['**/*_test.go', 'doc', '!doc/deep'] }),
  );
  expect(shown()).toEqual([
    'excluded 755 0:0',
    'excluded/app 755 0:0',
    'excluded/app/main.go 644 0:0 "1"',
    'excluded/app/sub 755 0:0',
    'excluded/app/sub/util.go 644 0:0 "3"',
    'excluded/doc 711 0:0',
    'excluded/doc/deep 755 0:0',
    'excluded/doc/deep/er 755 0:0',
    'excluded/doc/deep/er/x.md 644 0:0 "5"',
    'excluded/empty 755 0:0',
    'parents 755 0:0',
    'parents/src 755 0:0',
    'parents/src/app 755 0:0',
    'parents/src/app/sub 755 0:0',
    'parents/src/app/sub/util.go 644 0:0 "3"',
    'parents/src/doc 711 0:0',
    'parents/src/doc/deep 755 0:0',
    'parents/src/doc/deep/er 755 0:0',
    'parents/src/doc/deep/er/x.md 644 0:0 "5"',
    'parents/src/doc/readme.md 644 0:0 "4"',
  ]);
});

test('what is in the way is an error, or goes where that is asked for', async () => {
  fill('base', { file: 'file', 'dir/inside': 'inside' });
  fill('source', { 'd/file/below': 'below', 'd/dir': 'now a file' });
  await expect(run(copying('d', '/'))).rejects.toThrow('cannot replace to directory /dir with file');
  await run(copying('d', '/', { replaces: true }));
  expect(shown()).toEqual(['dir 644 0:0 "now a file"', 'file 755 0:0', 'file/below 644 0:0 "below"']);
});

test('attributes, holes, devices and links of a tree come along; nothing of it is taken for overlayfs’s own', async () => {
  fill('source', { 'd/': '', 'd/cap': 'x'.repeat(10), 'd/sparse': 'start', 'd/small': 's', 'd/dead -> gone': '' });
  const path = (name: string): string => at('source', 'd', name);
  Bun.spawnSync(['mkfifo', '-m', '640', path('fifo')]);
  Bun.spawnSync(['mknod', path('null'), 'c', '1', '3']);
  truncateSync(path('sparse'), 50_000_000);
  linkSync(path('small'), path('again'));
  const set = (name: string, attribute: string, value: Buffer): void => {
    const descriptor = openSync(path(name), 'r');
    expect(setXattrOf(descriptor, attribute, value)).toBe(true);
    closeSync(descriptor);
  };
  // cap_net_raw, as setcap(8) writes it.
  set('cap', 'security.capability', Buffer.from('0100000200200000000000000000000000000000', 'hex'));
  set('cap', 'trusted.mine', Buffer.from('mine'));
  set('', 'trusted.overlay.opaque', Buffer.from('y'));
  await run(copying('d', '/d/'));
  const layer = (name: string): string => at('layer', 'd', name);
  expect(lstatSync(layer('sparse')).size).toBe(50_000_000);
  expect(lstatSync(layer('sparse')).blocks).toBeLessThan(1000);
  expect(lstatSync(layer('fifo')).isFIFO()).toBe(true);
  expect(lstatSync(layer('fifo')).mode & 0o777).toBe(0o640);
  expect(lstatSync(layer('null')).rdev).toBe(lstatSync('/dev/null').rdev);
  expect(lstatSync(layer('small')).ino).toBe(lstatSync(layer('again')).ino);
  expect(readlinkSync(layer('dead'))).toBe('gone');
  expect(readXattr(layer('cap'), 'security.capability')?.toString('hex')).toMatch(/^01000002002/);
  expect(readXattr(layer('cap'), 'trusted.mine')?.toString()).toBe('mine');
  expect(readXattr(layer(''), 'trusted.overlay.opaque')).toBeUndefined();
});

test('hostile sources stay inside: links, devices that would be whiteouts, names without end', async () => {
  fill('base', { 'etc/passwd': 'base' });
  fill('source', { 'up -> ../../../../../../etc': '', 'etc/passwd': 'source', 'loop -> loop': '' });
  await run(copying('up/passwd', '/got'));
  expect(shown()).toContain('got 644 0:0 "source"');
  await expect(run(copying('loop/x', '/y'))).rejects.toThrow('lstat /loop: too many links');
  Bun.spawnSync(['mknod', at('source', 'whiteout'), 'c', '0', '0']);
  mkdirSync(at('source', 'w'));
  // A file system of layers hides it; nothing may bring it along.
  await run(copying('/', '/all'));
  expect(shown().filter((line) => line.includes('whiteout'))).toEqual([]);
  await expect(run(copying('none', '/y', { allowsWildcard: false }))).rejects.toThrow(
    'lstat /none: no such file or directory',
  );
  const nul = { type: 'make-file', path: '/a\0b', mode: 0o644, content: Buffer.from('') } as const;
  await expect(run(nul)).rejects.toThrow('invalid argument');
  await expect(run({ ...nul, path: '/etc' })).rejects.toThrow('open /etc: is a directory');
  await expect(run({ ...nul, path: '/none/x' })).rejects.toThrow('open /none/x: no such file or directory');
  await expect(run(copying('etc', '/none/at/all/', { createsDestination: false }))).rejects.toThrow(
    'failed to stat /none/at/all/: lstat /none/at: no such file or directory',
  );
});
