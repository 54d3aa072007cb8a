import { closeSync, constants, fstatSync, readdirSync, readlinkSync, type Stats } from 'node:fs';
import { open } from 'node:fs/promises';
import { goModeOf } from '#filesync';
import { hasCode } from '#linux/errno';
import { openInRoot, pathOnly } from '#linux/open-in-root';
import { fail } from '#std/errors';

/** One file as BuildKit's clients are told of it (`fsutil.types.Stat`). */
export interface FileStat {
  readonly path: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly modTime: bigint;
  readonly linkname: string;
  readonly devmajor: number;
  readonly devminor: number;
}

/** As much of a file as one answer may carry. */
const readLimitBytes = 16 * 1024 * 1024;

function openPlace(root: string, path: string, flags: number, verb: string): number {
  try {
    return openInRoot(root, path, flags);
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ENOTDIR')) {
      throw fail('not-found', `${verb} ${path}: no such file or directory`, error);
    }
    if (hasCode(error, 'ELOOP'))
      throw fail('invalid-argument', `${verb} ${path}: too many levels of symbolic links`, error);
    throw error;
  }
}

function statOf(path: string, descriptor: number): FileStat {
  const stats: Stats = fstatSync(descriptor);
  const { mtimeNs } = fstatSync(descriptor, { bigint: true });
  const isLink = (stats.mode & constants.S_IFMT) === constants.S_IFLNK;
  return {
    path,
    mode: goModeOf(stats.mode),
    uid: stats.uid,
    gid: stats.gid,
    size: stats.isFile() ? stats.size : 0,
    modTime: mtimeNs,
    // The descriptor's own name is where the link is; nobody changes a result meanwhile.
    linkname: isLink ? readlinkSync(readlinkSync(`/proc/self/fd/${descriptor}`)) : '',
    devmajor: (stats.rdev >> 8) & 0xfff,
    devminor: (stats.rdev & 0xff) | ((stats.rdev >> 12) & 0xfff00),
  };
}

/** A file below `root`, never one outside of it. Throws `not-found`. */
export function statInResult(root: string, path: string): FileStat {
  const place = openPlace(root, path, pathOnly, 'stat');
  try {
    return statOf(path.split('/').findLast((part) => part !== '') ?? '.', place);
  } finally {
    closeSync(place);
  }
}

/** The bytes of a regular file below `root`, or those of a range of it. */
export async function readInResult(
  root: string,
  path: string,
  range?: { readonly offset: number; readonly length: number },
): Promise<Uint8Array> {
  const place = openPlace(root, path, pathOnly, 'open');
  try {
    const stats = fstatSync(place);
    if (stats.isDirectory()) throw fail('invalid-argument', `read ${path}: is a directory`);
    if (!stats.isFile()) throw fail('invalid-argument', `open ${path}: not a regular file`);
    const offset = Math.max(0, range?.offset ?? 0);
    const length = Math.min(range?.length || stats.size, Math.max(0, stats.size - offset));
    if (length > readLimitBytes) throw fail('invalid-argument', `read ${path}: more than ${readLimitBytes} bytes`);
    const file = await open(`/proc/self/fd/${place}`, 'r');
    try {
      const buffer = new Uint8Array(length);
      const { bytesRead } = await file.read(buffer, 0, length, offset);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } finally {
    closeSync(place);
  }
}

/** What is in a directory below `root`, by name; `pattern` as Go's path.Match has it. */
export function listInResult(root: string, path: string, pattern: string): FileStat[] {
  const place = openPlace(root, path, constants.O_RDONLY | constants.O_DIRECTORY, 'open');
  try {
    const glob = pattern === '' ? undefined : new Bun.Glob(pattern);
    const names = readdirSync(`/proc/self/fd/${place}`).filter((name) => glob?.match(name) ?? true);
    return names.sort().map((name) => {
      const entry = openInRoot(`/proc/self/fd/${place}`, name, pathOnly | constants.O_NOFOLLOW);
      try {
        return statOf(name, entry);
      } finally {
        closeSync(entry);
      }
    });
  } finally {
    closeSync(place);
  }
}
