import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { type Part, type Sketch, sketch, tarOf } from './testing.ts';

/** The files that docker-cases.txt copies from. */
const context: Readonly<Record<string, Sketch>> = {
  a: { content: 'A', after: 10 },
  'x.sh': { content: 'X', mode: 0o755, after: 11 },
  secret: { content: 'S', mode: 0o600, after: 12 },
  suid: { content: 'U', mode: 0o4755, after: 13 },
  d: { mode: 0o700, after: 42 },
  'd/b': { content: 'B', after: 14 },
  'd/l': { link: 'b', after: 30 },
  'd/sub': { mode: 0o750, after: 41 },
  'd/sub/c': { content: 'C', after: 15 },
  'd/sub/deep': { after: 40 },
  'd/sub/deep/e': { content: 'E', mode: 0o640, after: 16 },
  'sp ace': { content: '', after: 17 },
  'one.txt': { content: '1', after: 18 },
  'two.txt': { content: '2', after: 19 },
  'g[1].txt': { content: 'g', after: 20 },
  h1: { content: 'H', after: 21 },
  h2: { hardLink: 'h1', after: 21 },
  links: { after: 43 },
  'links/one': { content: 'L', after: 22 },
  'links/two': { hardLink: 'links/one', after: 22 },
  empty: { after: 44 },
  'empty/x': { content: '', after: 23 },
  l: { link: 'a', after: 31 },
  ld: { link: 'd', after: 32 },
  out: { link: '../../../../etc/hostname', after: 33 },
  abs: { link: '/d/b', after: 34 },
  dangling: { link: '/nowhere', after: 35 },
};

const base: readonly Part[] = [
  { path: 'etc', type: 'directory' },
  { path: 'etc/passwd', content: 'root:x:0:0::/:/bin/sh\napp:x:1001:1002::/:/bin/sh\n' },
  { path: 'etc/group', content: 'root:x:0:\napp:x:1002:\nstaff:x:50:\n' },
  { path: 'usr', type: 'directory' },
  { path: 'usr/lib', type: 'directory' },
  { path: 'lib', type: 'symlink', linkPath: 'usr/lib' },
  { path: 'abslib', type: 'symlink', linkPath: '/usr/lib' },
  { path: 'dang', type: 'symlink', linkPath: '/no/such' },
  { path: 'old', mode: 0o600, uid: 7, gid: 8, content: 'old' },
  { path: 'od', type: 'directory', mode: 0o711, uid: 5, gid: 6 },
  { path: 'od/b', mode: 0o600, uid: 7, gid: 8, content: 'older' },
  { path: 'od/sub', type: 'directory', mode: 0o700, uid: 5, gid: 6 },
  { path: 'od/sub/kept', uid: 5, gid: 6, content: 'kept' },
  { path: 'file-sub', type: 'directory' },
  { path: 'file-sub/sub', content: 'in the way' },
  { path: 'dir', type: 'directory' },
  { path: 'dir/a', type: 'directory' },
  { path: 'up', type: 'symlink', linkPath: '../../../usr' },
];

const mine = { uid: 3, gid: 4 };
const tarred: readonly Part[] = [
  { path: 't', type: 'directory', mode: 0o750, ...mine, after: 5 },
  { path: 't/f', mode: 0o640, ...mine, after: 6, content: 'tarred' },
  { path: 't/h', type: 'hardlink', mode: 0o640, ...mine, after: 6, linkPath: 't/f' },
  { path: 't/l', type: 'symlink', mode: 0o777, ...mine, after: 7, linkPath: '/etc/passwd' },
  { path: 't/p', type: 'fifo', mode: 0o644, ...mine, after: 8 },
  { path: 't/c', type: 'character', mode: 0o600, ...mine, after: 9, deviceMajor: 1, deviceMinor: 3 },
  { path: 'implied/x', after: 1, content: 'x' },
  { path: 'old', mode: 0o4755, after: 2, content: 'newer' },
  { path: 'od', type: 'directory', mode: 0o700, uid: 9, gid: 9, after: 3 },
  { path: 'lib/new', after: 4, content: 'in lib' },
];

const hostile: Readonly<Record<string, readonly Part[]>> = {
  empty: [],
  esc: [
    { path: 'esc', type: 'symlink', linkPath: '../../..' },
    { path: 'esc/evil', content: 'evil' },
  ],
  dots: [{ path: '../out', after: 4, content: 'out' }],
  abs: [{ path: '/abs/x', after: 4, content: 'abs' }],
  abslib: [{ path: 'abslib/new', after: 4, content: 'abs' }],
  dang: [{ path: 'dang/new', after: 4, content: 'abs' }],
  up: [{ path: 'up/new', after: 4, content: 'abs' }],
  hard: [{ path: 'link', type: 'hardlink', mode: 0o644, after: 4, linkPath: 'old' }],
  hardout: [{ path: 'link', type: 'hardlink', linkPath: '../../etc/passwd' }],
  hardnone: [{ path: 'link', type: 'hardlink', linkPath: 'none' }],
  dev00: [{ path: 'dev', type: 'character', deviceMajor: 0, deviceMinor: 0 }],
  root: [
    { path: './', type: 'directory', mode: 0o700, uid: 9, gid: 9, after: 4 },
    { path: 'x', after: 4, content: 'x' },
  ],
  over: [
    { path: 'od', mode: 0o600, uid: 1, gid: 1, after: 4, content: 'file over dir' },
    { path: 'file-sub/sub/x', content: 'below a file' },
  ],
  liblink: [
    { path: 'lib', type: 'directory', mode: 0o700, uid: 9, gid: 9, after: 4 },
    { path: 'lib/x', content: 'x' },
  ],
  wh: [{ path: '.wh.old', after: 4 }],
  inner: [{ path: 'a/b/../c', after: 4, content: 'c' }],
};

const programs = { tbz: 'bzip2', txz: 'xz' } as const;

/** Writes all that docker-cases.txt was made with into a directory. */
export function writeDockerContext(directory: string): void {
  sketch(directory, context);
  const write = (name: string, bytes: Uint8Array): void => writeFileSync(join(directory, name), bytes);
  const tar = tarOf(tarred);
  write('base.tar', tarOf(base));
  write('t.tar', tar);
  write('t.tgz', gzipSync(tar));
  write('t.tzst', zstdCompressSync(tar));
  for (const [ending, program] of Object.entries(programs)) {
    write(`t.${ending}`, Bun.spawnSync([program, '-c'], { stdin: tar }).stdout);
  }
  write('broken.tgz', gzipSync(tar).subarray(0, 80));
  // Five whole blocks: entries are missing, and the end.
  write('cut.tar', tar.subarray(0, 2560));
  for (const [name, parts] of Object.entries(hostile)) write(`${name}.tar`, tarOf(parts));
}
