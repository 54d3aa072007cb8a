import {
  type BigIntStats,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  rmdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { hasCode } from '#linux/errno';
import { readXattr } from '#linux/xattr';
import { opaqueXattr } from '#store';

/** More links than the kernel would follow (path_resolution(7)) lead nowhere. */
const linksAtMost = 40;

/**
 * Where `path` is below `root` with links followed as in a chroot; what is not there is taken as it is written. Only for a tree
 * in which nothing runs.
 */
export function placeInRoot(root: string, path: string): string {
  const pending = path.split('/').reverse();
  let place: string[] = [];
  let links = 0;
  while (pending.length > 0) {
    const part = pending.pop() ?? '';
    if (part === '' || part === '.') continue;
    if (part === '..') {
      place.pop();
      continue;
    }
    const next = [...place, part];
    const target = linkTarget(join(root, ...next));
    if (target === undefined || links === linksAtMost) {
      place = next;
      continue;
    }
    links += 1;
    if (target.startsWith('/')) place = [];
    pending.push(...target.split('/').reverse());
  }
  return join('/', ...place);
}

function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch (error) {
    if (hasCode(error, 'EINVAL') || hasCode(error, 'ENOENT') || hasCode(error, 'ENOTDIR')) return undefined;
    throw error;
  }
}

function statOf(path: string): BigIntStats | undefined {
  try {
    return lstatSync(path, { bigint: true });
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ENOTDIR')) return undefined;
    throw error;
  }
}

/** Where something is to be mounted. */
export interface MountPlace {
  readonly destination: string;
  readonly isDirectory: boolean;
}

/** Where kernel file systems are mounted in every step. */
const kernelPlaces = ['/dev', '/proc', '/sys'];

/** What is mounted there is in memory: nothing is made for it in the root file system. */
function isInKernelPlace(path: string): boolean {
  return kernelPlaces.some((place) => path.startsWith(`${place}/`));
}

/** Makes the mount points of every step in a file system that has none: they stay, as they do in images that BuildKit makes. */
export function makeKernelPlaces(root: string): void {
  for (const place of kernelPlaces) mkdirSync(join(root, placeInRoot(root, place)), { recursive: true, mode: 0o755 });
}

/** Files and directories that are made for mounts to be put on, and are not to be seen in the layer. */
export class Placeholders {
  readonly #root: string;
  /** Paths that were not there, those of parents after those of children. */
  readonly #absent: string[] = [];
  /** Directories in which they will come to be, with all above, as they were. */
  readonly #before = new Map<string, BigIntStats>();

  /** Makes the mount points that are missing in the mounted `root`, as runc does, before the runtime makes them in its own way. */
  constructor(root: string, places: readonly MountPlace[]) {
    this.#root = root;
    const absent = new Set<string>();
    for (const { destination, isDirectory } of places) {
      const place = placeInRoot(root, destination);
      if (place === '/' || isInKernelPlace(place) || statOf(join(root, place)) !== undefined) continue;
      this.#note(place, absent);
      mkdirSync(join(root, isDirectory ? place : dirname(place)), { recursive: true, mode: 0o755 });
      if (!isDirectory) writeFileSync(join(root, place), '', { mode: 0o755 });
    }
    this.#absent.push(...[...absent].sort((one, other) => other.split('/').length - one.split('/').length));
  }

  #note(missing: string, absent: Set<string>): void {
    let place = missing;
    for (; place !== '/' && statOf(join(this.#root, place)) === undefined; place = dirname(place)) absent.add(place);
    for (; place !== '/'; place = dirname(place)) {
      const stats = statOf(join(this.#root, place));
      if (stats?.isDirectory() && !this.#before.has(place)) this.#before.set(place, stats);
    }
  }

  /** Takes those away that are still empty: while `root` is mounted and nothing runs in it any more. */
  remove(): void {
    for (const place of this.#absent) {
      const path = join(this.#root, place);
      const stats = statOf(path);
      if (stats === undefined) continue;
      if (stats.isDirectory() ? readdirSync(path).length > 0 : stats.size > 0n) continue;
      const parent = dirname(path);
      const { atime, mtime } = statSync(parent);
      if (stats.isDirectory()) rmdirSync(path);
      else rmSync(path);
      utimesSync(parent, atime, mtime);
    }
  }

  /**
   * Takes copies of directories out of the upper directory, once it is unmounted, that are there only because placeholders were
   * made in them: a step that changed nothing makes an empty layer.
   */
  prune(upper: string): void {
    const places = [...this.#before].sort(([one], [other]) => other.split('/').length - one.split('/').length);
    const parents = new Set(this.#absent.map((place) => dirname(place)));
    for (const [place, before] of places) {
      const path = join(upper, place);
      const stats = statOf(path);
      if (!stats?.isDirectory() || readdirSync(path).length > 0) continue;
      const isSame = stats.mode === before.mode && stats.uid === before.uid && stats.gid === before.gid;
      const isTimeOurs = parents.has(place) || stats.mtimeNs === before.mtimeNs;
      if (isSame && isTimeOurs && readXattr(Buffer.from(path), opaqueXattr) === undefined) rmdirSync(path);
    }
  }
}
