import { afterEach, beforeEach, expect, test } from 'bun:test';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mountOverlay, unmount } from '#linux/mount';
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
