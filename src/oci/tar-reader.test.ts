import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TarEntry } from './tar-header.ts';
import { createTarReader } from './tar-reader.ts';
import { tarEnd, tarHeader, tarPadding } from './tar-writer.ts';

interface Read {
  readonly entry: TarEntry;
  readonly content: Buffer;
}

/** Reads a tar in pieces of a size. */
async function read(tar: Uint8Array, pieceBytes = tar.length): Promise<Read[]> {
  const found: Read[] = [];
  let current: { entry: TarEntry; pieces: Buffer[] } | undefined;
  const reader = createTarReader({
    entry(entry) {
      current = { entry, pieces: [] };
    },
    data(chunk) {
      current?.pieces.push(Buffer.from(chunk));
    },
    end() {
      if (current !== undefined) found.push({ entry: current.entry, content: Buffer.concat(current.pieces) });
    },
  });
  for (let offset = 0; offset < tar.length; offset += pieceBytes) {
    await reader.write(tar.subarray(offset, offset + pieceBytes));
  }
  reader.close();
  return found;
}

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'tar-test-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

function gnuTar(...parameters: string[]): Buffer {
  const { stdout, exitCode, stderr } = Bun.spawnSync(['tar', '-cf', '-', '-C', directory, ...parameters]);
  if (exitCode !== 0) throw new Error(stderr.toString());
  return stdout;
}

/** What a sparse file holds, holes filled. */
function expand({ entry, content }: Read): Buffer {
  const whole = Buffer.alloc(entry.sizeBytes);
  let from = 0;
  for (const { offset, length } of entry.sparse ?? [{ offset: 0, length: content.length }]) {
    content.copy(whole, offset, from, from + length);
    from += length;
  }
  return whole;
}

describe('what GNU tar writes', () => {
  test.each(['v7', 'ustar', 'gnu', 'pax'])('format %s, in pieces of any size', async (format) => {
    mkdirSync(join(directory, 'plain/sub'), { recursive: true });
    writeFileSync(join(directory, 'plain/file'), 'x'.repeat(1300));
    writeFileSync(join(directory, 'plain/sub/empty'), '');
    const tar = gnuTar(`--format=${format}`, '--sort=name', 'plain');
    const whole = await read(tar);
    expect(whole.map(({ entry }) => [entry.type, entry.path])).toEqual([
      ['directory', 'plain/'],
      ['file', 'plain/file'],
      ['directory', 'plain/sub/'],
      ['file', 'plain/sub/empty'],
    ]);
    expect(whole[1]?.content.toString()).toBe('x'.repeat(1300));
    expect(whole[1]?.entry.modifiedSeconds).toBe(Math.floor(statSync(join(directory, 'plain/file')).mtimeMs / 1000));
    for (const pieceBytes of [1, 511, 513]) expect(await read(tar, pieceBytes)).toEqual(whole);
  });

  test.each(['gnu', 'pax'])('names and links of any length and bytes, format %s', async (format) => {
    const name = `${'long'.repeat(40)}-é`;
    mkdirSync(join(directory, 'names'), { recursive: true });
    writeFileSync(join(directory, 'names', name), '1');
    rmSync(join(directory, 'names/link'), { force: true });
    Bun.spawnSync(['ln', '-s', name, join(directory, 'names/link')]);
    const found = await read(gnuTar(`--format=${format}`, '--sort=name', 'names'));
    const bytes = Buffer.from(name).toString('latin1');
    expect(found.map(({ entry }) => entry.path).sort()).toEqual(['names/', 'names/link', `names/${bytes}`]);
    expect(found.find(({ entry }) => entry.type === 'symlink')?.entry.linkPath).toBe(bytes);
  });

  test.each([
    ['gnu', []],
    ['pax', ['--sparse-version=0.0']],
    ['pax', ['--sparse-version=0.1']],
    ['pax', ['--sparse-version=1.0']],
  ] as const)('sparse files, format %s %p', async (format, options) => {
    const path = join(directory, 'sparse');
    writeFileSync(path, '');
    truncateSync(path, 4 * 1024 * 1024 + 7);
    const descriptor = openSync(path, 'r+');
    // More extents than the header and its first extension hold.
    for (let index = 0; index < 40; index += 1) writeSync(descriptor, `piece ${index}`, index * 98304);
    closeSync(descriptor);
    const tar = gnuTar(`--format=${format}`, '--sparse', ...options, 'sparse');
    expect(tar.length).toBeLessThan(1024 * 1024);
    const [file] = await read(tar, 700);
    expect(file?.entry.path).toBe('sparse');
    expect(file?.entry.sparse?.length).toBeGreaterThan(30);
    const expected = await Bun.file(path).bytes();
    expect(Buffer.compare(expand(file as Read), expected)).toBe(0);
  });
});

test('what our writer writes is read back the same, with attributes that need PAX', async () => {
  const entry: TarEntry = {
    type: 'file',
    path: `dir/${'n'.repeat(300)}\xff`,
    linkPath: '',
    mode: 0o4755,
    uid: 3_000_000_000,
    gid: 5,
    sizeBytes: 3,
    modifiedSeconds: -2,
    modifiedNanoseconds: 500_000_000,
    deviceMajor: 0,
    deviceMinor: 0,
    xattrs: new Map([['security.capability', Buffer.from([1, 0, 0, 2, 10, 61, 0, 255])]]),
  };
  const tar = Buffer.concat([tarHeader(entry), Buffer.from('abc'), tarPadding(3), tarEnd]);
  expect(await read(tar, 100)).toEqual([{ entry, content: Buffer.from('abc') }]);
  const listed = Bun.spawnSync(['tar', '-tf', '-'], { stdin: tar });
  expect(listed.exitCode).toBe(0);
});

describe('what is no tar', () => {
  const file = Buffer.concat([tarHeader({ path: 'f', sizeBytes: 600 }), Buffer.alloc(600, 'x'), tarPadding(600)]);

  test('it may end without its end, but not within an entry', async () => {
    expect(await read(file)).toHaveLength(1);
    // What fills the last block says nothing, and Docker does not miss it.
    for (const bytes of [512 + 600, file.length - 1]) expect(await read(file.subarray(0, bytes))).toHaveLength(1);
    for (const bytes of [100, 512, 700]) {
      await expect(read(file.subarray(0, bytes))).rejects.toThrow('unexpected EOF');
    }
  });

  test.each([
    ['not a tar at all', Buffer.alloc(1024, 'hello ')],
    ['a flipped bit', Buffer.concat([Buffer.from('g'), file.subarray(1), tarEnd])],
    ['something after a zero block', Buffer.concat([file, Buffer.alloc(512), file])],
  ])('%s', async (_name, tar) => {
    await expect(read(tar)).rejects.toThrow('archive/tar: invalid tar header');
  });

  test('a PAX header that wants all the memory there is', async () => {
    const header = Buffer.from(tarHeader({ path: 'x', sizeBytes: 2 * 1024 * 1024 }));
    header.write('x', 156);
    header.fill(0x20, 148, 156);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    await expect(read(header)).rejects.toThrow('header field too long');
  });

  test('what follows the end is ignored', async () => {
    expect(await read(Buffer.concat([file, tarEnd, Buffer.alloc(5000, 'junk')]))).toHaveLength(1);
  });
});
