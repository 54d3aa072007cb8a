import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readXattr } from '#linux/xattr';
import { type TarEntry, tarEnd, tarHeader, tarPadding } from '#oci';
import { unpackLayer } from './snapshot-unpack.ts';

type Part = Partial<TarEntry> & { path: string; content?: string };

let root = '';
let target = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'unpack-test-'));
  target = join(root, 'outer/target');
  mkdirSync(target, { recursive: true });
  writeFileSync(join(root, 'outer/secret'), 'untouched');
});
afterEach(() => rmSync(root, { recursive: true }));

function tar(...parts: Part[]): Buffer {
  const pieces = parts.flatMap(({ content = '', ...entry }) => {
    const sizeBytes = entry.sizeBytes ?? content.length;
    return [tarHeader({ ...entry, sizeBytes }), Buffer.from(content), tarPadding(content.length)];
  });
  return Buffer.concat([...pieces, tarEnd]);
}

async function unpack(...parts: Part[]): Promise<number> {
  const unpacker = unpackLayer(target);
  try {
    await unpacker.write(tar(...parts));
    return unpacker.close().sizeBytes;
  } finally {
    unpacker.abandon();
  }
}

/** All that lies beside the target must be as it was. */
function expectNothingEscaped(): void {
  expect(readdirSync(join(root, 'outer')).sort()).toEqual(['secret', 'target']);
  expect(readFileSync(join(root, 'outer/secret'), 'utf8')).toBe('untouched');
  expect(readdirSync(root)).toEqual(['outer']);
}

const text = (path: string): string => readFileSync(join(target, path), 'utf8');

describe('attributes', () => {
  test('owner, mode, times, devices, hard links; missing parents are made', async () => {
    const size = await unpack(
      { path: 'a/b/file', content: 'hello', mode: 0o4751, uid: 1000, gid: 1001, modifiedSeconds: 1_000_000_000 },
      { path: 'dir/', type: 'directory', mode: 0o1777, modifiedSeconds: 5 },
      { path: 'dir/in', content: 'x' },
      { path: 'hard', type: 'hardlink', linkPath: 'a/b/file' },
      { path: 'soft', type: 'symlink', linkPath: '/etc/passwd', uid: 7, modifiedSeconds: 9 },
      { path: 'null', type: 'character', deviceMajor: 1, deviceMinor: 3, mode: 0o666 },
      { path: 'disk', type: 'block', deviceMajor: 259, deviceMinor: 70000, mode: 0o600 },
      { path: 'pipe', type: 'fifo', mode: 0o622 },
    );
    expect(size).toBe('hello'.length + 'x'.length + '/etc/passwd'.length);
    const file = statSync(join(target, 'a/b/file'));
    expect([file.mode & 0o7777, file.uid, file.gid, file.mtimeMs, file.nlink]).toEqual([0o4751, 1000, 1001, 1e12, 2]);
    expect(statSync(join(target, 'a')).mode & 0o7777).toBe(0o755);
    const directory = statSync(join(target, 'dir'));
    expect([directory.mode & 0o7777, directory.mtimeMs]).toEqual([0o1777, 5000]);
    const soft = lstatSync(join(target, 'soft'));
    expect([readlinkSync(join(target, 'soft')), soft.uid, soft.mtimeMs]).toEqual(['/etc/passwd', 7, 9000]);
    expect(statSync(join(target, 'null')).rdev).toBe((1 << 8) | 3);
    expect(statSync(join(target, 'pipe')).isFIFO()).toBe(true);
    const disk = Bun.spawnSync(['stat', '-c', '%t %T', join(target, 'disk')]).stdout.toString();
    expect(disk.trim()).toBe('103 11170');
  });

  test('extended attributes are bytes; those of overlayfs itself cannot be forged', async () => {
    const capability = Buffer.from('0100000200200000000000000000000000000000', 'hex');
    const xattrs = new Map([
      ['security.capability', capability],
      ['user.odd', Buffer.from([0, 1, 255, 10])],
      ['trusted.overlay.redirect', Buffer.from('/etc')],
      ['trusted.overlay.opaque', Buffer.from('y')],
    ]);
    await unpack({ path: 'ping', content: 'x', uid: 3, xattrs }, { path: 'd/', type: 'directory', xattrs });
    expect(readXattr(join(target, 'ping'), 'security.capability')).toEqual(capability);
    expect(readXattr(join(target, 'ping'), 'user.odd')).toEqual(Buffer.from([0, 1, 255, 10]));
    for (const path of ['ping', 'd']) {
      for (const name of ['redirect', 'opaque']) {
        expect(readXattr(join(target, path), `trusted.overlay.${name}`)).toBeUndefined();
      }
    }
  });

  test('a later entry takes the place of an earlier one, and the size follows', async () => {
    const size = await unpack(
      { path: 'x', content: 'first' },
      { path: 'x', content: 'second' },
      { path: 'd/one', content: '1' },
      { path: 'd/two', content: '22' },
      { path: 'd', type: 'symlink', linkPath: 'x' },
      { path: 'y', type: 'symlink', linkPath: 'x' },
      { path: 'y/', type: 'directory' },
    );
    expect(text('x')).toBe('second');
    expect(readlinkSync(join(target, 'd'))).toBe('x');
    expect(lstatSync(join(target, 'y')).isDirectory()).toBe(true);
    expect(size).toBe('second'.length + 'x'.length);
  });
});

describe('whiteouts', () => {
  const isWhiteout = (path: string): boolean => {
    const stats = lstatSync(join(target, path));
    return stats.isCharacterDevice() && stats.rdev === 0;
  };
  const isOpaque = (path: string): boolean =>
    readXattr(join(target, path), 'trusted.overlay.opaque')?.toString() === 'y';

  test('become those of overlayfs', async () => {
    await unpack(
      { path: 'd/.wh.gone' },
      { path: 'opaque/.wh..wh..opq' },
      { path: '.wh..wh.plnk/', type: 'directory' },
      { path: '.wh..wh.aufs' },
    );
    expect(isWhiteout('d/gone')).toBe(true);
    expect(isOpaque('opaque')).toBe(true);
    expect(readdirSync(target).sort()).toEqual(['d', 'opaque']);
  });

  test('hide what is below, never what the same layer brings', async () => {
    await unpack(
      { path: 'file', content: 'mine' },
      { path: '.wh.file' },
      { path: '.wh.first' },
      { path: 'first/', type: 'directory' },
      { path: 'then/', type: 'directory' },
      { path: '.wh.then' },
    );
    expect(text('file')).toBe('mine');
    expect([isOpaque('first'), isOpaque('then')]).toEqual([true, true]);
  });

  test.each(['.wh.', '.wh...', '.wh..'])('%s is refused', async (path) => {
    await expect(unpack({ path })).rejects.toThrow('invalid whiteout name');
    expectNothingEscaped();
  });
});

describe('nothing leaves the target', () => {
  test.each<[string, Part[]]>([
    ['.. in a name', [{ path: '../secret', content: 'owned' }]],
    ['.. deep in a name', [{ path: 'a/../../../../secret', content: 'owned' }]],
    ['an absolute name', [{ path: '/outer/secret', content: 'owned' }]],
    [
      'a relative link out, then through it',
      [
        { path: 'out', type: 'symlink', linkPath: '..' },
        { path: 'out/secret', content: 'owned' },
      ],
    ],
    [
      'a long relative link out, then through it',
      [
        { path: 'a/b/out', type: 'symlink', linkPath: '../../../../../../../../..' },
        { path: 'a/b/out/secret', content: 'owned' },
      ],
    ],
    [
      'a chain of links',
      [
        { path: 'one', type: 'symlink', linkPath: 'two' },
        { path: 'two', type: 'symlink', linkPath: '../..' },
        { path: 'one/outer/secret', content: 'owned' },
      ],
    ],
    [
      'a link for the file itself',
      [
        { path: 'leaf', type: 'symlink', linkPath: '../secret' },
        { path: 'leaf', content: 'owned' },
      ],
    ],
    [
      'a directory over a link out',
      [
        { path: 'leaf', type: 'symlink', linkPath: '..' },
        { path: 'leaf/', type: 'directory', mode: 0o777, uid: 99 },
        { path: 'leaf/secret', content: 'owned' },
      ],
    ],
    [
      'a device through a link',
      [
        { path: 'out', type: 'symlink', linkPath: '..' },
        { path: 'out/node', type: 'character', deviceMajor: 1, deviceMinor: 3 },
      ],
    ],
    ['a whiteout through a link', [{ path: 'out', type: 'symlink', linkPath: '..' }, { path: 'out/.wh.secret' }]],
    ['opaque through a link', [{ path: 'out', type: 'symlink', linkPath: '../..' }, { path: 'out/.wh..wh..opq' }]],
  ])('%s', async (_name, parts) => {
    const before = statSync(join(root, 'outer'));
    await unpack(...parts).catch(() => undefined);
    expectNothingEscaped();
    const after = statSync(join(root, 'outer'));
    expect([after.mode, after.uid]).toEqual([before.mode, before.uid]);
  });

  test('an absolute link leads to the same place within', async () => {
    await unpack(
      { path: 'real/', type: 'directory' },
      { path: 'abs', type: 'symlink', linkPath: '/real' },
      { path: 'abs/file', content: 'inside' },
    );
    expect(text('real/file')).toBe('inside');
    expectNothingEscaped();
  });

  test.each([
    ['by ..', '../secret'],
    ['by an absolute name', '/outer/secret'],
    ['through a link', 'out/secret'],
    ['through the magic links of proc', 'proc/self/root/etc/passwd'],
  ])('a hard link out %s', async (_name, linkPath) => {
    await expect(
      unpack({ path: 'out', type: 'symlink', linkPath: '..' }, { path: 'stolen', type: 'hardlink', linkPath }),
    ).rejects.toThrow();
    expect(existsSync(join(target, 'stolen'))).toBe(false);
    expect(statSync(join(root, 'outer/secret')).nlink).toBe(1);
  });

  test('a hard link to a link out, then written through', async () => {
    await unpack(
      { path: 'leaf', type: 'symlink', linkPath: '../secret' },
      { path: 'twin', type: 'hardlink', linkPath: 'leaf' },
      { path: 'twin', content: 'owned' },
    );
    expectNothingEscaped();
    expect(text('twin')).toBe('owned');
  });

  test('the target itself stays a directory', async () => {
    for (const path of ['.', '/', 'x/..']) {
      await expect(unpack({ path, content: 'file' })).rejects.toThrow('archive/tar');
      await expect(unpack({ path, type: 'symlink', linkPath: '/' })).rejects.toThrow('archive/tar');
    }
    expect(lstatSync(target).isDirectory()).toBe(true);
    await unpack({ path: './', type: 'directory', mode: 0o751, uid: 4 });
    expect([statSync(target).mode & 0o7777, statSync(target).uid]).toEqual([0o751, 4]);
  });

  test.each<[string, Part]>([
    ['a name longer than any file system takes', { path: 'n'.repeat(300), content: 'x' }],
    ['an owner that none can be', { path: 'x', uid: 4294967295 }],
    ['a file below a file', { path: 'file/below', content: 'x' }],
  ])('%s is the tar’s fault', async (_name, part) => {
    writeFileSync(join(target, 'file'), '');
    await expect(unpack(part)).rejects.toMatchObject({ kind: 'invalid-argument' });
  });
});

test('a tar that is cut off leaves no descriptor open', async () => {
  const descriptors = (): number => readdirSync('/proc/self/fd').length;
  const unpacker = unpackLayer(target);
  const before = descriptors();
  await unpacker.write(tar({ path: 'd/file', sizeBytes: 5000, content: 'x'.repeat(100) }).subarray(0, 800));
  expect(() => unpacker.close()).toThrow('unexpected EOF');
  expect(descriptors()).toBeLessThan(before);
});

test('a name with a NUL in it, at which the kernel would stop, and a time that no file can have are refused', async () => {
  // Long enough to be a PAX record: a plain header cannot have such a name.
  const path = `${'./'.repeat(60)}..\0beside`;
  for (const type of ['file', 'directory', 'symlink', 'fifo'] as const) {
    await expect(unpack({ path, type, linkPath: 'x' })).rejects.toMatchObject({ kind: 'invalid-argument' });
  }
  const never = { modifiedSeconds: 2 ** 60, modifiedNanoseconds: 1 };
  await expect(unpack({ path: 'a', ...never })).rejects.toMatchObject({ kind: 'invalid-argument' });
  expectNothingEscaped();
});
