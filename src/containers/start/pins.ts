import {
  closeSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmdirSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join, posix } from 'node:path';
import { hasCode } from '#linux/errno';
import { bindMount, unmount } from '#linux/mount';
import { openBeneath, pathOnly } from '#linux/open-in-root';
import { fail, messageOf } from '#std/errors';

/** The first step on the way that is not there. */
function firstAbsent(root: string, subpath: string): string {
  let place = root;
  for (const step of posix.normalize(subpath).split('/')) {
    place = join(place, step);
    if (lstatSync(place, { throwIfNoEntry: false }) === undefined) break;
  }
  return place;
}

function subpathFailure(root: string, subpath: string, error: unknown): Error {
  const place = join(root, subpath);
  if (hasCode(error, 'EXDEV')) {
    return fail(
      'invalid-argument',
      `path concatenation escapes the base directory, base: ${root}, subpath: ${subpath}`,
      error,
    );
  }
  if (hasCode(error, 'ENOENT')) {
    const absent = firstAbsent(root, subpath);
    return fail('not-found', `cannot access path ${place}: lstat ${absent}: no such file or directory`, error);
  }
  const reason = hasCode(error, 'ELOOP')
    ? 'EvalSymlinks: too many links'
    : hasCode(error, 'ENOTDIR')
      ? 'not a directory'
      : messageOf(error);
  return fail('internal', `error while resolving symlinks in combined path ${JSON.stringify(place)}: ${reason}`, error);
}

/** Binds what is open as `descriptor` below `directory`. */
function pinDescriptor(descriptor: number, directory: string, name: string, recursive: boolean): string {
  const pin = join(directory, name);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  if (fstatSync(descriptor).isDirectory()) mkdirSync(pin);
  else writeFileSync(pin, '', { flag: 'wx' });
  bindMount(`/proc/self/fd/${descriptor}`, pin, { recursive });
  return pin;
}

/**
 * Holds the part `subpath` of `root` fast: it is bound below `directory`, and what is bound there stays the same file or
 * directory whatever a container that has the volume makes of its names meanwhile. Returns the bound path; throws in
 * Docker's words for a part that is not there or leads out of `root`.
 */
export function pinSubpath(root: string, subpath: string, directory: string, name: string): string {
  let descriptor: number;
  try {
    // Without detours, as text: `link/..` is where the link is.
    descriptor = openBeneath(root, posix.normalize(subpath));
  } catch (error) {
    throw subpathFailure(root, subpath, error);
  }
  try {
    return pinDescriptor(descriptor, directory, name, true);
  } finally {
    closeSync(descriptor);
  }
}

/** Binds `source` below `directory` without the mounts that are below it; returns the bound path. */
export function pinAlone(source: string, directory: string, name: string): string {
  const descriptor = openSync(source, pathOnly);
  try {
    return pinDescriptor(descriptor, directory, name, false);
  } finally {
    closeSync(descriptor);
  }
}

function removeIfThere(remove: () => void): void {
  try {
    remove();
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
  }
}

/**
 * Lets go of all pins of a container; what has them mounted keeps them. Never deletes below a pin: should an unmount fail,
 * the directory is not empty, and stays.
 */
export function releasePins(directory: string): void {
  let names: string[] = [];
  try {
    names = readdirSync(directory);
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
    return;
  }
  for (const name of names) {
    const pin = join(directory, name);
    while (unmount(pin, { lazy: true }));
    removeIfThere(() => {
      try {
        rmdirSync(pin);
      } catch (error) {
        if (!hasCode(error, 'ENOTDIR')) throw error;
        unlinkSync(pin);
      }
    });
  }
  removeIfThere(() => rmdirSync(directory));
}
