import { afterEach, beforeEach, expect, test } from 'bun:test';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hasCode } from '#linux/errno';
import { holdLease } from '#linux/lease.fixture';
import { tarEnd, tarHeader } from '#oci';
import { packBriefly, unpackBriefly } from './brief.ts';
import { absolutePath, baseName, packPlace } from './pack.ts';
import { statPath } from './stat.ts';
import { ContainerView, LeavesRoot, type ViewMount } from './view.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'estiba-view-'));
  for (const name of ['root/a/b', 'root/mnt', 'volume/in', 'outside'])
    mkdirSync(join(directory, name), { recursive: true });
  writeFileSync(join(directory, 'root/a/f'), 'of the root');
  writeFileSync(join(directory, 'volume/in/f'), 'of the volume');
  writeFileSync(join(directory, 'outside/f'), 'of the host');
});
afterEach(() => rmSync(directory, { recursive: true }));

function viewOf(mounts: Partial<ViewMount>[] = [], stayOnRoot = false): ContainerView {
  const whole = mounts.map((mount) => ({
    destination: '/mnt',
    source: join(directory, 'volume'),
    readOnly: false,
    ...mount,
  }));
  return new ContainerView({ root: join(directory, 'root'), mounts: whole, readOnlyRoot: false }, { stayOnRoot });
}

function namesOf(view: ContainerView, path: string, follow = false): string {
  const place = view.lookUp(path, follow);
  closeSync(place.descriptor);
  return place.names.join('/');
}

function codeOf(action: () => unknown): string {
  try {
    action();
    return 'none';
  } catch (error) {
    return ['ENOENT', 'ENOTDIR', 'ELOOP', 'EROFS'].find((code) => hasCode(error, code)) ?? String(error);
  }
}

test('links and dots lead nowhere but where they lead in a container', () => {
  symlinkSync('/a', join(directory, 'root/absolute'));
  symlinkSync('../../../../a/b/..', join(directory, 'root/a/up'));
  symlinkSync(join(directory, 'outside'), join(directory, 'root/host'));
  symlinkSync('loop', join(directory, 'root/loop'));
  using view = viewOf();
  expect(namesOf(view, '/absolute/f')).toBe('a/f');
  expect(namesOf(view, '/absolute')).toBe('absolute');
  expect(namesOf(view, '/absolute/')).toBe('a');
  expect(namesOf(view, '/a/up/f')).toBe('a/f');
  expect(namesOf(view, '/../../a')).toBe('a');
  expect(codeOf(() => namesOf(view, '/host/f'))).toBe('ENOENT');
  expect(codeOf(() => namesOf(view, '/loop', true))).toBe('ELOOP');
  expect(codeOf(() => namesOf(view, '/a/f/x'))).toBe('ENOTDIR');
  expect(codeOf(() => namesOf(view, '/a/f/'))).toBe('ENOTDIR');
  expect(view.evaluate('/absolute/none/../x').join('/')).toBe('a/x');
});

test('mounts are where the container has them, also behind links and above each other', () => {
  symlinkSync('/mnt', join(directory, 'root/link'));
  symlinkSync('/a/f', join(directory, 'volume/back'));
  mkdirSync(join(directory, 'volume/inner'));
  using view = viewOf([{}, { destination: '/link/inner', source: join(directory, 'outside'), readOnly: true }]);
  expect(statPath(view, '/mnt/in/f').size).toBe('of the volume'.length);
  expect(namesOf(view, '/link/back', true)).toBe('a/f');
  expect(statPath(view, '/link/inner/f').size).toBe('of the host'.length);
  expect(namesOf(view, '/mnt/inner/../../../a')).toBe('a');
  expect(view.writeRefusal(['mnt', 'inner', 'f'])).toBe('volume');
  expect(view.writeRefusal(['mnt', 'in'])).toBeUndefined();
  expect(view.mountedIn(['mnt'])).toEqual(['inner']);
});

test('who must not wait is told to leave what may hang to others', () => {
  symlinkSync('mnt/in', join(directory, 'root/way'));
  using view = viewOf([{}], true);
  expect(() => statPath(view, '/mnt')).toThrow(LeavesRoot);
  expect(() => statPath(view, '/way/f')).toThrow(LeavesRoot);
  expect(() => packBriefly(view, '/a')).toThrow(LeavesRoot);
  expect(packBriefly(view, '/a/f').stat).toMatchObject({ name: 'f', size: 11 });
});

test('what is unpacked stays in, whatever links are in the way, and takes the place of links itself', async () => {
  symlinkSync(join(directory, 'outside'), join(directory, 'root/host'));
  symlinkSync('/a/f', join(directory, 'root/replaced'));
  using view = viewOf();
  const tar = Buffer.concat([
    tarHeader({ path: 'host/evil' }),
    tarHeader({ path: 'replaced' }),
    tarHeader({ path: 'new/link', type: 'symlink', linkPath: '../../../outside' }),
    tarHeader({ path: 'new/link/f' }),
    tarEnd,
  ]);
  const refused = await unpackBriefly(view, '/', [tar], { noOverwriteDirNonDir: false }).then(String, String);
  expect(refused).toBe('undefined');
  expect(readdirSync(join(directory, 'outside'))).toEqual(['f']);
  expect(readFileSync(join(directory, 'root/a/f'), 'utf8')).toBe('of the root');
  expect(readdirSync(join(directory, 'root/outside'))).toEqual(['f']);
});

test('a path as docker cp means it', () => {
  const cases = {
    a: '/a',
    '/a/': '/a/',
    '/a/.': '/a/.',
    '/': '/',
    '.': '/.',
    '/.': '/.',
    '/a/../b': '/b',
    '../..': '/',
  };
  for (const [path, absolute] of Object.entries(cases)) expect(absolutePath(path)).toBe(absolute);
  expect(['/a/b', '/a/b/', '/', '/a/.', '/..'].map(baseName)).toEqual(['b', 'b', '/', '.', '..']);
});

test('a file on which a process holds a lease is for a porter, and waited for there', async () => {
  const path = join(directory, 'root/a/f');
  await using lease = await holdLease(path);
  using view = viewOf();
  if (lease.isHeld) expect(() => packBriefly(view, '/a/f')).toThrow(LeavesRoot);
  const found = view.lookUp('/a/f', false);
  try {
    const pieces = packPlace(view, found, '/a/f', { waits: true });
    if (lease.isHeld) expect(pieces.next().value?.length).toBe(0);
    await lease[Symbol.asyncDispose]();
    expect(Buffer.concat([...pieces]).toString()).toContain('of the root');
  } finally {
    closeSync(found.descriptor);
  }
});

test('links that lead up and down without end are not followed for long', () => {
  for (let link = 0; link < 20; link++) {
    const next = link === 19 ? 'b' : `l${link + 1}`;
    symlinkSync(`${'b/../'.repeat(700)}${next}`, join(directory, `root/a/l${link}`));
  }
  using view = viewOf();
  expect(() => statPath(view, '/a/l0')).toThrow('too many links');
  using brief = viewOf([], true);
  expect(() => statPath(brief, '/a/l19')).toThrow(LeavesRoot);
});

test('the root of a process that is not in the container is none', () => {
  const sourceRoot = '/proc/self/root';
  const source = join(directory, 'volume');
  const own = readFileSync('/proc/self/cgroup', 'utf8').trim();
  using stranger = viewOf([{ source, sourceRoot, sourceOwner: 'f'.repeat(64) }]);
  expect(codeOf(() => namesOf(stranger, '/mnt/in/f'))).toBe('ENOENT');
  using inmate = viewOf([{ source, sourceRoot, sourceOwner: own }]);
  expect(namesOf(inmate, '/mnt/in/f')).toBe('mnt/in/f');
});
