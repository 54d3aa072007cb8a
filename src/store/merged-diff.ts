import { closeSync, openSync, readSync } from 'node:fs';
import { isSameContent } from '#linux/file-contents';
import { type FileStat, fileTypes, isSameFile, openAt, readFlags, readLinkAt } from '#linux/file-tree';
import { listXattrs, readXattr } from '#linux/xattr';
import { directoryFlags, LowerDirectory, overlayXattrs } from './snapshot-lower.ts';

/** What differs between two trees at a path. */
export interface TreeDifference {
  /** Absolute; a byte string (`latin1`). A directory that only one side has stands for all that is in it. */
  readonly path: string;
  readonly kind: 'added' | 'removed' | 'changed';
  /** Of a changed file: type, mode, owner, contents, link, device, attributes. */
  readonly what: readonly string[];
  readonly isDirectory: boolean;
  /** Files, links and devices that it stands for. */
  readonly files: number;
  /** Bytes on either side. */
  readonly beforeBytes: number;
  readonly afterBytes: number;
}

const isDirectory = (stat: FileStat): boolean => (stat.mode & fileTypes.mask) === fileTypes.directory;

function sizeOf(stat: FileStat): number {
  const type = stat.mode & fileTypes.mask;
  return type === fileTypes.file || type === fileTypes.symlink ? stat.sizeBytes : 0;
}

/** Opens what layers show together, topmost first; nothing in it is ever followed out of it. */
export function openMerged(layers: readonly string[]): LowerDirectory {
  return new LowerDirectory(layers.map((path) => openSync(path, directoryFlags)));
}

function isSameFileContent(one: LowerDirectory, other: LowerDirectory, name: string): boolean {
  const [left, right] = [
    openAt(one.directoryOf(name), name, readFlags),
    openAt(other.directoryOf(name), name, readFlags),
  ];
  try {
    return isSameContent(left, right);
  } finally {
    closeSync(left);
    closeSync(right);
  }
}

function xattrsOf(directory: LowerDirectory, name: string): string {
  const path = Buffer.from(`/proc/self/fd/${directory.directoryOf(name)}/${name}`, 'latin1');
  const names = listXattrs(path).filter((each) => !each.startsWith(overlayXattrs));
  return names
    .sort()
    .map((each) => `${each}=${readXattr(path, each)?.toString('base64')}`)
    .join(' ');
}

function changed(
  before: LowerDirectory,
  after: LowerDirectory,
  name: string,
  one: FileStat,
  other: FileStat,
): string[] {
  const type = one.mode & fileTypes.mask;
  if (type !== (other.mode & fileTypes.mask)) return ['type'];
  const what: string[] = [];
  if (type === fileTypes.file && (one.sizeBytes !== other.sizeBytes || !isSameFileContent(before, after, name))) {
    what.push('contents');
  }
  if (type === fileTypes.symlink) {
    if (readLinkAt(before.directoryOf(name), name) !== readLinkAt(after.directoryOf(name), name)) what.push('link');
  } else if (one.mode !== other.mode) what.push('mode');
  if (one.uid !== other.uid || one.gid !== other.gid) what.push('owner');
  if (one.nodeMajor !== other.nodeMajor || one.nodeMinor !== other.nodeMinor) what.push('device');
  if (xattrsOf(before, name) !== xattrsOf(after, name)) what.push('attributes');
  return what;
}

/** All that is in a directory of one side. */
function weigh(directory: LowerDirectory): { files: number; bytes: number } {
  const total = { files: 0, bytes: 0 };
  for (const name of directory.names().keys()) {
    const stat = directory.stat(name);
    if (stat === undefined) continue;
    if (!isDirectory(stat)) {
      total.files += 1;
      total.bytes += sizeOf(stat);
      continue;
    }
    const below = directory.enter(name);
    try {
      const { files, bytes } = weigh(below);
      total.files += files;
      total.bytes += bytes;
    } finally {
      below.close();
    }
  }
  return total;
}

function oneSided(directory: LowerDirectory, path: string, name: string, kind: 'added' | 'removed'): TreeDifference {
  const stat = directory.stat(name);
  let total = { files: 1, bytes: stat === undefined ? 0 : sizeOf(stat) };
  const isTree = stat !== undefined && isDirectory(stat);
  if (isTree) {
    const below = directory.enter(name);
    try {
      total = weigh(below);
    } finally {
      below.close();
    }
  }
  const [beforeBytes, afterBytes] = kind === 'added' ? [0, total.bytes] : [total.bytes, 0];
  return { path, kind, what: [], isDirectory: isTree, files: total.files, beforeBytes, afterBytes };
}

/**
 * What differs between two trees, each of layers, in the order of names. Times are not compared. What both have of the same
 * layers is not looked at: it is the same.
 */
export function* diffMerged(before: LowerDirectory, after: LowerDirectory, path = '/'): Generator<TreeDifference> {
  if (before.identity === after.identity) return;
  const names = new Set([...before.names().keys(), ...after.names().keys()]);
  for (const name of [...names].sort()) {
    const [one, other] = [before.stat(name), after.stat(name)];
    const at = path + name;
    if (one === undefined && other === undefined) continue;
    if (one === undefined) yield oneSided(after, at, name, 'added');
    else if (other === undefined) yield oneSided(before, at, name, 'removed');
    else {
      if (isSameFile(one, other) && !isDirectory(one)) continue;
      const what = changed(before, after, name, one, other);
      const isTree = isDirectory(one) && isDirectory(other);
      if (what.length > 0) {
        const [beforeBytes, afterBytes] = [sizeOf(one), sizeOf(other)];
        yield { path: at, kind: 'changed', what, isDirectory: isTree, files: isTree ? 0 : 1, beforeBytes, afterBytes };
      }
      if (isTree) yield* diffBelow(before, after, name, `${at}/`);
    }
  }
}

function* diffBelow(before: LowerDirectory, after: LowerDirectory, name: string, path: string) {
  const [left, right] = [before.enter(name), after.enter(name)];
  try {
    yield* diffMerged(left, right, path);
  } finally {
    left.close();
    right.close();
  }
}

/** Reads a file of a tree, when it is one and no larger than `limitBytes`; no link is followed on the way. */
export function readMerged(root: LowerDirectory, path: string, limitBytes: number): Buffer | undefined {
  const [name = '', ...rest] = path.split('/').filter(Boolean);
  const stat = root.stat(name);
  if (stat === undefined) return undefined;
  if (rest.length > 0) {
    const below = root.enter(name);
    try {
      return below.exists ? readMerged(below, rest.join('/'), limitBytes) : undefined;
    } finally {
      below.close();
    }
  }
  if ((stat.mode & fileTypes.mask) !== fileTypes.file || stat.sizeBytes > limitBytes) return undefined;
  const descriptor = openAt(root.directoryOf(name), name, readFlags);
  try {
    const content = Buffer.alloc(stat.sizeBytes);
    return content.subarray(0, readSync(descriptor, content, 0, content.length, 0));
  } finally {
    closeSync(descriptor);
  }
}

/** Names of regular files in a directory of a tree; none when there is no such directory. */
export function listMerged(root: LowerDirectory, path: string): string[] {
  const [name, ...rest] = path.split('/').filter(Boolean);
  if (name === undefined) {
    return [...root.names().keys()].filter((each) => {
      const stat = root.stat(each);
      return stat !== undefined && (stat.mode & fileTypes.mask) === fileTypes.file;
    });
  }
  if (root.stat(name) === undefined) return [];
  const below = root.enter(name);
  try {
    return below.exists ? listMerged(below, rest.join('/')) : [];
  } finally {
    below.close();
  }
}
