import { existsSync, lstatSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fail } from '#std/errors';
import { mirrorOf, readAptSources } from './apt-sources.ts';
import { runProgram } from './child.ts';

/** What a machine leaves in a fresh installation that is no part of the packages: emptied directories, removed files. */
const emptied = ['dev', 'run', 'tmp', 'var/log', 'var/cache/apt', 'var/cache/ldconfig', 'var/lib/apt/lists'];
const removed = [
  ...['etc/hostname', 'etc/resolv.conf', 'etc/machine-id', 'etc/.pwd.lock', 'var/lib/dbus/machine-id'],
  ...['etc/passwd-', 'etc/group-', 'etc/shadow-', 'etc/gshadow-', 'etc/subuid-', 'etc/subgid-'],
  ...['var/cache/debconf/config.dat-old', 'var/cache/debconf/templates.dat-old'],
  ...['var/lib/dpkg/status-old', 'var/lib/dpkg/diversions-old', 'var/lib/dpkg/statoverride-old'],
  ...['var/lib/dpkg/available', 'var/lib/dpkg/cmethopt', 'debootstrap'],
];

/** Seconds since the epoch of the newest package: its changelog's time, which dpkg-deb gave the file. */
function newestPackageSeconds(rootfs: string): number {
  const documents = join(rootfs, 'usr/share/doc');
  const times = readdirSync(documents).flatMap((name) => {
    const file = join(documents, name, 'copyright');
    return existsSync(file) ? [lstatSync(file).mtimeMs] : [];
  });
  return Math.trunc(Math.max(...times) / 1000);
}

/** Takes out of a root file system all that differs from one installation of the same packages to the next. */
function strip(rootfs: string, newestSeconds: number): void {
  for (const directory of emptied) {
    const path = join(rootfs, directory);
    for (const name of existsSync(path) ? readdirSync(path) : []) rmSync(join(path, name), { recursive: true });
  }
  for (const file of removed) rmSync(join(rootfs, file), { recursive: true, force: true });
  // The third field is the day of the last change of a password: the day of the installation.
  const shadow = join(rootfs, 'etc/shadow');
  const day = Math.trunc(newestSeconds / 86_400);
  writeFileSync(shadow, readFileSync(shadow, 'utf8').replace(/^([^:]*:[^:]*:)\d+/gm, `$1${day}`));
}

/** A mirror's address may carry a password; an image must not. */
function writeSources(rootfs: string, codename: string, mirror: string): void {
  const uri = mirror.replace(/^(\w+:\/\/)[^/@]*@/, '$1');
  writeFileSync(join(rootfs, 'etc/apt/sources.list'), `deb ${uri} ${codename} main\n`);
}

/**
 * Installs Debian's minimal base system of a release at `rootfs`, from the mirror of the host's apt, and returns the
 * time of its newest package in seconds since the epoch. Takes about a minute. Needs root.
 */
export async function installDebian(codename: string, rootfs: string, signal: AbortSignal): Promise<number> {
  const mirror = mirrorOf(codename, readAptSources());
  if (mirror === undefined) throw fail('unavailable', 'the apt of this host is configured with no Debian mirror');
  if (process.getuid?.() !== 0) throw fail('forbidden', 'installing Debian needs root');
  await runProgram(['debootstrap', '--variant=minbase', codename, rootfs, mirror], '/', signal);
  const newestSeconds = newestPackageSeconds(rootfs);
  strip(rootfs, newestSeconds);
  writeSources(rootfs, codename, mirror);
  return newestSeconds;
}
