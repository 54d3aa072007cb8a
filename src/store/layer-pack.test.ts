import { afterEach, beforeEach, expect, test } from 'bun:test';
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfinedDirectory } from '#linux/confined-directory';
import { mountOverlay, unmount } from '#linux/mount';
import { createTarReader, type TarEntry } from '#oci';
import { packLayer } from './layer-pack.ts';
import { unpackLayer } from './snapshot-unpack.ts';

let directory: string;
const at = (...parts: string[]): string => join(directory, ...parts);
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'estiba-pack-'));
  for (const name of ['base', 'upper', 'work', 'merged', 'again']) mkdirSync(at(name));
});
afterEach(() => {
  unmount(at('merged'), { lazy: true });
  rmSync(directory, { recursive: true });
});

function pack(layer: string): { tar: Buffer; sizeBytes: number } {
  const chunks: Buffer[] = [];
  const packing = packLayer(at(layer));
  for (;;) {
    const next = packing.next();
    if (next.done) return { tar: Buffer.concat(chunks), sizeBytes: next.value.sizeBytes };
    chunks.push(next.value);
  }
}

async function entriesOf(tar: Buffer): Promise<TarEntry[]> {
  const entries: TarEntry[] = [];
  const reader = createTarReader({
    entry: (entry) => void entries.push(entry),
    data: () => undefined,
    end: () => undefined,
  });
  await reader.write(tar);
  reader.close();
  return entries;
}

test('what a mount wrote is packed in order, with marks for what is gone, and gives the same layer again', async () => {
  for (const name of ['gone', 'kept/inside', 'made-anew/old']) {
    mkdirSync(at('base', name, '..'), { recursive: true });
    writeFileSync(at('base', name), name);
  }
  mountOverlay({ target: at('merged'), lower: [at('base')], upper: at('upper'), work: at('work') });
  rmSync(at('merged', 'gone'));
  rmSync(at('merged', 'made-anew'), { recursive: true });
  mkdirSync(at('merged', 'made-anew'));
  writeFileSync(at('merged', 'made-anew', 'new'), 'new');
  writeFileSync(at('merged', 'kept', 'z'), 'z');
  linkSync(at('merged', 'kept', 'z'), at('merged', 'kept', 'a'));
  symlinkSync('../nowhere', at('merged', 'link'));
  writeFileSync(at('merged', 'holes'), '');
  truncateSync(at('merged', 'holes'), 3_000_000);
  chownSync(at('merged', 'holes'), 7, 2_200_000);
  chmodSync(at('merged', 'holes'), 0o4711);
  utimesSync(at('merged', 'holes'), 1e9, 1_234_567_890.5);
  unmount(at('merged'));
  const { tar, sizeBytes } = pack('upper');
  const entries = await entriesOf(tar);
  expect(entries.map(({ path, type, linkPath }) => `${type} ${path}${linkPath && ` -> ${linkPath}`}`)).toEqual([
    'file .wh.gone',
    'file holes',
    'directory kept/',
    'file kept/a',
    'hardlink kept/z -> kept/a',
    'symlink link -> ../nowhere',
    'directory made-anew/',
    'file made-anew/.wh..wh..opq',
    'file made-anew/new',
  ]);
  expect(entries[1]).toMatchObject({ mode: 0o4711, uid: 7, gid: 2_200_000, modifiedSeconds: 1_234_567_890 });
  expect(sizeBytes).toBe(3_000_000 + 'z'.length + '../nowhere'.length + 'new'.length);
  expect(pack('upper').tar.equals(tar)).toBe(true);
  const unpacker = unpackLayer(at('again'));
  await unpacker.write(tar);
  unpacker.close();
  expect(pack('again').tar.equals(tar)).toBe(true);
});

test('times may be bounded or set, names have a prefix, and an archive may have several parts', async () => {
  for (const [name, seconds] of [
    ['a', 5000],
    ['b', 2_000_000_000],
  ] as const) {
    writeFileSync(at('base', name), name);
    utimesSync(at('base', name), seconds, seconds);
  }
  linkSync(at('base', 'b'), at('base', 'c'));
  const times = async (options: Parameters<typeof packLayer>[1]): Promise<number[]> => {
    const entries = await entriesOf(Buffer.concat([...packLayer(at('base'), options)]));
    return entries.map(({ modifiedSeconds }) => modifiedSeconds);
  };
  expect(await times({ modifiedLimitSeconds: 10_000 })).toEqual([5000, 10_000, 10_000]);
  expect(await times({ modifiedSeconds: 7 })).toEqual([7, 7, 7]);
  utimesSync(at('base', 'a'), 5000, 5000.6);
  using confined = new ConfinedDirectory(at('base'));
  confined.setXattr('a', 'user.note', Buffer.from('kept'));
  const [whole] = await entriesOf(Buffer.concat([...packLayer(at('base'), { keepsAll: true })]));
  expect([whole?.modifiedSeconds, whole?.xattrs.get('user.note')?.toString()]).toEqual([5001, 'kept']);
  const [layer] = await entriesOf(Buffer.concat([...packLayer(at('base'))]));
  expect([layer?.modifiedSeconds, layer?.xattrs.size]).toEqual([5000, 0]);
  const part = packLayer(at('base'), { prefix: 'p/', isPart: true });
  const entries = await entriesOf(Buffer.concat([...part, ...packLayer(at('base'))]));
  expect(entries.map(({ path }) => path)).toEqual(['p/a', 'p/b', 'p/c', 'a', 'b', 'c']);
  expect(entries[2]?.linkPath).toBe('p/b');
});
