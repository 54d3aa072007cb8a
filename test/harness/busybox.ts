import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

function busyboxBinary(): string {
  const found = ['/usr/bin/busybox', '/bin/busybox'].find((path) => existsSync(path));
  if (found === undefined) throw new Error('busybox is missing: install the Debian package busybox-static');
  return found;
}

/** A tar of a root file system with the host's static busybox and its applets; made once and kept. */
export function busyboxTar(): string {
  const binary = busyboxBinary();
  const { size, mtimeMs } = statSync(binary);
  const cache = join(import.meta.dir, '../../node_modules/.cache/busybox');
  const tar = join(cache, `${size}-${Math.trunc(mtimeMs)}.tar`);
  if (existsSync(tar)) return tar;
  mkdirSync(cache, { recursive: true });
  const rootfs = mkdtempSync(join(tmpdir(), 'estiba-busybox-'));
  try {
    for (const name of ['bin', 'dev', 'etc', 'proc', 'root', 'sys', 'tmp']) mkdirSync(join(rootfs, name));
    // The directory becomes the root of every container, and mkdtemp made it for its owner alone.
    chmodSync(rootfs, 0o755);
    Bun.spawnSync(['cp', binary, join(rootfs, 'bin/busybox')]);
    const applets = Bun.spawnSync([binary, '--list']).stdout.toString().trim().split('\n');
    for (const applet of applets) if (applet !== 'busybox') symlinkSync('busybox', join(rootfs, 'bin', applet));
    writeFileSync(
      join(rootfs, 'etc/passwd'),
      'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n',
    );
    writeFileSync(join(rootfs, 'etc/group'), 'root:x:0:\nnogroup:x:65534:\n');
    const partial = `${tar}.${process.pid}`;
    const packed = Bun.spawnSync(['tar', '-C', rootfs, '--numeric-owner', '-cf', partial, '.']);
    if (packed.exitCode !== 0) throw new Error(packed.stderr.toString());
    renameSync(partial, tar);
  } finally {
    rmSync(rootfs, { recursive: true, force: true });
  }
  return tar;
}
