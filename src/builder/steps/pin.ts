import { closeSync, fstatSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { hasCode, reasonOf } from '#linux/errno';
import { bindMount } from '#linux/mount';
import { openInRoot, pathOnly } from '#linux/open-in-root';
import { fail } from '#std/errors';

/** Opens what `selector` is below `root`, with links followed as in a chroot. Throws `not-found` in BuildKit's words. */
export function openSelected(root: string, selector: string, flags: number = pathOnly): number {
  const path = selector === '' ? '/' : selector;
  try {
    return openInRoot(root, path, flags);
  } catch (error) {
    const reason = ['ENOENT', 'ENOTDIR', 'ELOOP'].find((code) => hasCode(error, code));
    if (reason === undefined) throw error;
    // What BuildKit was about when it found so.
    const call = reason === 'ENOTDIR' ? 'lstat' : 'open';
    throw fail('not-found', `${call} ${path}: ${reasonOf(error)}`, error);
  }
}

/**
 * Binds what `selector` is below `root` at `pin`, so that the runtime is given it and nothing else, whatever becomes of names
 * meanwhile. A read-only one is so from the start: the runtime makes mount points in what it is given before it takes the
 * right to write away.
 */
export function pinSelected(root: string, selector: string, pin: string, readOnly: boolean): void {
  const descriptor = openSelected(root, selector);
  try {
    mkdirSync(dirname(pin), { recursive: true, mode: 0o700 });
    if (fstatSync(descriptor).isDirectory()) mkdirSync(pin);
    else writeFileSync(pin, '', { flag: 'wx' });
    bindMount(`/proc/self/fd/${descriptor}`, pin, { readOnly });
  } finally {
    closeSync(descriptor);
  }
}
