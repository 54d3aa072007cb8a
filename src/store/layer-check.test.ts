import { afterAll, beforeAll, expect, test } from 'bun:test';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  lchownSync,
  lutimesSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfinedDirectory } from '#linux/confined-directory';
import { digestOf, type TarEntry, tarEnd, tarHeader, tarPadding } from '#oci';
import { bareRoot, checkLayer, type LayerReport } from './layer-check.ts';
import { unpackLayer } from './snapshot-unpack.ts';

type Part = Partial<TarEntry> & { path: string; content?: string };

const parts: Part[] = [
  { path: './', type: 'directory', mode: 0o755 },
  { path: 'bin/sh', content: 'shell', mode: 0o4755 },
  { path: 'bin/link', type: 'hardlink', linkPath: 'bin/sh' },
  { path: 'usr/lib/', type: 'directory', mode: 0o2775, gid: 50 },
  { path: 'lib', type: 'symlink', linkPath: 'usr/lib' },
  { path: 'lib/through', content: 'written through a link' },
  { path: 'up', type: 'symlink', linkPath: '/usr/../usr/lib/.' },
  { path: 'up/absolute', content: 'x', xattrs: new Map([['user.note', Buffer.from('kept')]]) },
  { path: 'null', type: 'character', deviceMajor: 1, deviceMinor: 3, mode: 0o666 },
  { path: 'pipe', type: 'fifo', mode: 0o600 },
  { path: '.wh.gone', content: '' },
  { path: 'fresh/.wh..wh..opq', content: '' },
  { path: 'stamped', content: 'x', modifiedSeconds: 1_000_000_000, modifiedNanoseconds: 123_456_789 },
  { path: 'old/', type: 'directory', modifiedSeconds: -5, modifiedNanoseconds: 7 },
  { path: './old/', type: 'directory', modifiedSeconds: 6 },
  { path: 'old/', type: 'directory', modifiedSeconds: 86_400 },
  { path: 'old/in', content: '' },
  { path: 'far', content: '', modifiedSeconds: 2 ** 34 },
  { path: 'twice', content: 'first' },
  { path: 'twice', content: 'second' },
  { path: 'was-file', content: 'x' },
  { path: 'was-file/', type: 'directory', mode: 0o700 },
  { path: 'implied/by/this', content: '' },
];

let root: string;
let tree: string;
let content: Buffer;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'layer-check-'));
  tree = join(root, 'tree');
  content = Buffer.concat([
    ...parts.flatMap(({ content: text = '', ...entry }) => {
      const bytes = Buffer.from(text);
      return [tarHeader({ ...entry, sizeBytes: bytes.length }), bytes, tarPadding(bytes.length)];
    }),
    tarEnd,
  ]);
  writeFileSync(join(root, 'blob'), content);
  await unpack();
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

async function unpack(): Promise<void> {
  rmSync(tree, { recursive: true, force: true });
  execFileSync('mkdir', ['-m', '755', tree]);
  const unpacker = unpackLayer(tree);
  await unpacker.write(content);
  unpacker.close();
}

function check(more: object = {}): Promise<LayerReport> {
  const digest = digestOf(content);
  const blobPath = join(root, 'blob');
  const layer = {
    blob: { path: blobPath, digest },
    tree,
    diffId: digest,
    tarSizeBytes: content.length,
    inheritedRoot: bareRoot,
  };
  return checkLayer({ ...layer, ...more });
}

test('a layer as it was unpacked is whole, whatever its tar does', async () => {
  expect(await check()).toEqual({ faults: [], faultsTotal: 0, root: { mode: 0o755, uid: 0, gid: 0 } });
});

test('every kind of damage is named, with the file that has it', async () => {
  const at = (path: string): string => join(tree, path);
  writeFileSync(at('usr/lib/through'), 'WRITTEN through a link');
  chmodSync(at('usr/lib'), 0o755);
  lchownSync(at('lib'), 7, 7);
  unlinkSync(at('up'));
  symlinkSync('/', at('up'));
  unlinkSync(at('null'));
  unlinkSync(at('gone'));
  writeFileSync(at('gone'), 'it is back');
  truncateSync(at('twice'), 3);
  unlinkSync(at('bin/link'));
  writeFileSync(at('bin/link'), 'shell', { mode: 0o4755 });
  chmodSync(at('bin/link'), 0o4755);
  execFileSync('mkdir', ['-p', at('extra/deep')]);
  lutimesSync(at('stamped'), 1_000_000_000, 1_000_000_000.2);
  utimesSync(at('old'), 5, 5);
  lutimesSync(at('lib/through'), 5, 5);
  using confined = new ConfinedDirectory(tree);
  confined.setXattr('usr/lib/absolute', 'user.note', Buffer.from('forged'));
  confined.setXattr('fresh', 'trusted.overlay.opaque', Buffer.from('n'));
  const { faults, faultsTotal } = await check();
  expect(faults.map(({ path, kind, what }) => [kind, path, ...what].join(' ')).sort()).toEqual([
    // It is another file now, of another time.
    'changed /bin/link time',
    'changed /bin/sh hard link',
    'changed /fresh opaque',
    'changed /gone type',
    'changed /lib owner',
    'changed /old time',
    'changed /stamped time',
    'changed /twice size',
    'changed /up link',
    'changed /usr/lib mode',
    'changed /usr/lib/absolute user.note',
    'changed /usr/lib/through contents',
    'extra /extra',
    'missing /null',
  ]);
  expect(faultsTotal).toBe(faults.length);
  await unpack();
  expect((await check()).faultsTotal).toBe(0);
});

test('a blob that is damaged, missing, or of another layer; a tree that is not there', async () => {
  expect(await check({ blob: { path: join(root, 'blob'), digest: digestOf('other') } })).toMatchObject({
    blobFault: `has the digest ${digestOf(content)}`,
    treeFault: 'cannot be compared without its blob',
  });
  expect((await check({ diffId: digestOf('other') })).blobFault).toContain(`holds the tar ${digestOf(content)}`);
  expect((await check({ tarSizeBytes: 1 })).blobFault).toContain('the records say 1');
  expect((await check({ blob: { path: join(root, 'none'), digest: digestOf(content) } })).blobFault).toBe('is missing');
  expect(await check({ tree: join(root, 'none') })).toMatchObject({ treeFault: 'is missing', faultsTotal: 0 });
  const inherited = { mode: 0o711, uid: 1, gid: 2 };
  expect((await check({ inheritedRoot: inherited })).root).toEqual({ mode: 0o755, uid: 0, gid: 0 });
});
