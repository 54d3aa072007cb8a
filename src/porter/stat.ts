import { closeSync } from 'node:fs';
import { hasCode } from '#linux/errno';
import { type FileStat, fileTypes } from '#linux/file-tree';
import { fail } from '#std/errors';
import { baseName } from './pack.ts';
import { type ContainerView, isType, type Place } from './view.ts';

/** What `docker cp` asks of a path first; the shape is that of the header X-Docker-Container-Path-Stat. */
export interface PathStat {
  readonly name: string;
  readonly size: number;
  /** In the bits of Go's io/fs.FileMode. */
  readonly mode: number;
  readonly mtime: string;
  /** Where a symbolic link leads in the end; else empty. */
  readonly linkTarget: string;
}

/** Go's bits for what Unix has elsewhere (io/fs, FileMode). */
const goTypes: Readonly<Record<number, number>> = {
  [fileTypes.directory]: 2 ** 31,
  [fileTypes.symlink]: 2 ** 27,
  [fileTypes.block]: 2 ** 26,
  [fileTypes.fifo]: 2 ** 25,
  [fileTypes.socket]: 2 ** 24,
  [fileTypes.character]: 2 ** 26 + 2 ** 21,
};

/** A mode of Unix in the bits of Go's FileMode. */
export function goMode(mode: number): number {
  const type = goTypes[mode & fileTypes.mask] ?? 0;
  const setUser = mode & 0o4000 ? 2 ** 23 : 0;
  const setGroup = mode & 0o2000 ? 2 ** 22 : 0;
  const sticky = mode & 0o1000 ? 2 ** 20 : 0;
  return (mode & 0o777) + type + setUser + setGroup + sticky;
}

function timeText({ modifiedSeconds, modifiedNanoseconds }: FileStat): string {
  const whole = new Date(modifiedSeconds * 1000).toISOString().slice(0, 19);
  const fraction = String(modifiedNanoseconds).padStart(9, '0').replace(/0+$/, '');
  return `${whole}${fraction === '' ? '' : `.${fraction}`}Z`;
}

/** Byte strings are text in JSON. */
function text(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString();
}

function linkTarget(view: ContainerView, path: string): string {
  try {
    return `/${view.evaluate(path).join('/')}`;
  } catch (error) {
    if (hasCode(error, 'ELOOP')) throw fail('internal', `evalSymlinksInScope: too many links in ${text(path)}`, error);
    throw error;
  }
}

/** The answer for a place that was looked up by `path`. */
export function pathStatOf(view: ContainerView, place: Place, path: string): PathStat {
  const isLink = isType(place.stat, fileTypes.symlink);
  return {
    name: text(baseName(path)),
    size: place.stat.sizeBytes,
    mode: goMode(place.stat.mode),
    mtime: timeText(place.stat),
    linkTarget: isLink ? text(linkTarget(view, path)) : '',
  };
}

/** Looks a path up and answers. */
export function statPath(view: ContainerView, path: string): PathStat {
  const place = view.lookUp(path, false);
  try {
    return pathStatOf(view, place, path);
  } finally {
    closeSync(place.descriptor);
  }
}
