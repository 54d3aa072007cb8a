import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { bindMount, isMountPoint, unmount } from '#linux/mount';
import { fail, messageOf } from '#std/errors';
import { log } from '#std/log';

function installedRuntime(): string {
  const path = Bun.which('crun');
  if (path === null) throw fail('unavailable', 'crun is not installed: apt-get install crun');
  return path;
}

/** Path of runc, for containers that ask for it by name; undefined when it is not installed. */
export function installedRunc(): string | undefined {
  const places = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
  return Bun.which('runc', { PATH: [process.env.PATH ?? '', ...places].join(':') }) ?? undefined;
}

function mountPoint(execRoot: string): string {
  return join(execRoot, 'crun');
}

/**
 * The path to run crun by: a read-only bind mount of it. So that no container can write to it through /proc/self/exe,
 * crun makes such a mount of itself at every call, and starts a second time from there, unless it runs from one already:
 * with this one, made once, each start and exec saves a third of its time.
 */
export function prepareRuntime(execRoot: string): string {
  const installed = installedRuntime();
  const path = mountPoint(execRoot);
  try {
    // A new crun may have been installed since: the mount holds the old one.
    releaseRuntime(execRoot);
    closeSync(openSync(path, 'a', 0o755));
    bindMount(installed, path, { readOnly: true });
    return path;
  } catch (error) {
    log('warn', 'crun runs unmounted, which is slower', { error: messageOf(error) });
    return installed;
  }
}

/** Takes the mount away. */
export function releaseRuntime(execRoot: string): void {
  const path = mountPoint(execRoot);
  while (isMountPoint(path)) unmount(path, { lazy: true });
}
