import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fail } from '#std/errors';
import { runProgram } from './child.ts';

const directories: Readonly<Record<string, number>> = {
  bin: 0o755,
  dev: 0o755,
  etc: 0o755,
  home: 0o755,
  proc: 0o555,
  root: 0o700,
  sys: 0o555,
  tmp: 0o1777,
  usr: 0o755,
  'usr/bin': 0o755,
  'usr/sbin': 0o755,
  var: 0o755,
  'var/spool': 0o755,
};

const files: Readonly<Record<string, string>> = {
  'etc/passwd':
    'root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/usr/sbin:/bin/false\nwww-data:x:33:33:www-data:/var/www:/bin/false\nnobody:x:65534:65534:nobody:/home:/bin/false\n',
  'etc/group': 'root:x:0:\ndaemon:x:1:\ntty:x:5:\nwww-data:x:33:\nusers:x:100:\nnogroup:x:65534:\n',
};

async function downloadPackage(scratch: string, signal: AbortSignal): Promise<string> {
  // As another user apt could not write into our own directory.
  const download = ['apt-get', '-o', 'APT::Sandbox::User=root', 'download', '-qq', 'busybox-static'];
  try {
    await runProgram(download, scratch, signal);
  } catch {
    signal.throwIfAborted();
    await runProgram(['apt-get', 'update', '-qq'], scratch, signal);
    await runProgram(download, scratch, signal);
  }
  const name = readdirSync(scratch).find((entry) => entry.endsWith('.deb'));
  if (name === undefined) throw fail('internal', 'apt-get brought no package busybox-static');
  return join(scratch, name);
}

/**
 * Lays out at `rootfs` a system of the statically linked BusyBox of Debian's package busybox-static, its applets as
 * links in /bin, and returns the package's time in seconds since the epoch. `scratch` is an empty directory to work in.
 */
export async function installBusybox(rootfs: string, scratch: string, signal: AbortSignal): Promise<number> {
  const unpacked = join(scratch, 'unpacked');
  await runProgram(['dpkg-deb', '--extract', await downloadPackage(scratch, signal), unpacked], scratch, signal);
  const binary = ['bin/busybox', 'usr/bin/busybox']
    .map((path) => join(unpacked, path))
    .find((path) => existsSync(path));
  if (binary === undefined) throw fail('internal', 'the package busybox-static holds no busybox');
  const seconds = Math.trunc(lstatSync(binary).mtimeMs / 1000);
  const applets = (await runProgram([binary, '--list'], scratch, signal)).trim().split('\n');

  for (const [path, mode] of Object.entries(directories)) {
    mkdirSync(join(rootfs, path), { recursive: true });
    chmodSync(join(rootfs, path), mode);
  }
  renameSync(binary, join(rootfs, 'bin/busybox'));
  for (const applet of applets) if (applet !== 'busybox') symlinkSync('busybox', join(rootfs, 'bin', applet));
  for (const [path, text] of Object.entries(files)) {
    writeFileSync(join(rootfs, path), text);
    // Not left to the caller's umask.
    chmodSync(join(rootfs, path), 0o644);
  }
  rmSync(unpacked, { recursive: true });
  return seconds;
}
