import { closeSync, fstatSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { hasCode } from '#linux/errno';
import { bindMount } from '#linux/mount';
import { openInRoot, pathOnly } from '#linux/open-in-root';
import { fail } from '#std/errors';

/**
 * Binds what `selector` is below `root` at `pin`, so that the runtime is given it and nothing else: links are followed as in a
 * chroot, and what becomes of names meanwhile changes nothing. Throws `not-found`.
 */
export function pinSelected(root: string, selector: string, pin: string): void {
  let descriptor: number;
  try {
    descriptor = openInRoot(root, selector === '' ? '/' : selector, pathOnly);
  } catch (error) {
    if (!['ENOENT', 'ENOTDIR', 'ELOOP'].some((code) => hasCode(error, code))) throw error;
    throw fail('not-found', `${JSON.stringify(selector)}: not found`, error);
  }
  try {
    mkdirSync(dirname(pin), { recursive: true, mode: 0o700 });
    if (fstatSync(descriptor).isDirectory()) mkdirSync(pin);
    else writeFileSync(pin, '', { flag: 'wx' });
    bindMount(`/proc/self/fd/${descriptor}`, pin);
  } finally {
    closeSync(descriptor);
  }
}
