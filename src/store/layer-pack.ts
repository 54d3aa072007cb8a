import { closeSync, openSync } from 'node:fs';
import { DirectoryChain } from '#linux/directory-chain';
import { SystemCallError } from '#linux/errno';
import {
  type DirectoryEntry,
  type FileStat,
  fileTypes,
  inodeOf,
  readEntries,
  readFlags,
  statAt,
  tryOpenAt,
  tryOpenPlace,
} from '#linux/file-tree';
import { readXattrsAt } from '#linux/xattr';
import { directoryFlags, isOpaque, isWhiteout } from './snapshot-lower.ts';
import { TreePacker } from './tree-pack.ts';

/** OCI image specification, layer: a file so named hides `name` in the layers below, and the other one all of a directory. */
const whiteoutPrefix = '.wh.';
const opaqueMarker = '.wh..wh..opq';

/** How a tree is packed. */
export interface PackOptions {
  /** Later times are set back to that one. */
  readonly modifiedLimitSeconds?: number;
  /** All times are that one. */
  readonly modifiedSeconds?: number;
  /** What its names begin with, with its slash: `linux_amd64/`. */
  readonly prefix?: string;
  /** More comes after it: the archive does not end. */
  readonly isPart?: boolean;
  /** For somebody who wants the files: with all extended attributes, and times rounded to the nearest second, as Go's tar does. */
  readonly keepsAll?: boolean;
}

interface Frame {
  /** Sorted by name, the first last. */
  readonly entries: DirectoryEntry[];
  /** With its slash; empty for the root. */
  readonly path: string;
}

/** Bytes that the files of a layer take, of those with several links once. */
class Tally {
  readonly #seen = new Set<string>();
  bytes = 0;

  add(stat: FileStat): void {
    const type = stat.mode & fileTypes.mask;
    if (type !== fileTypes.file && type !== fileTypes.symlink) return;
    if (stat.links > 1) {
      const inode = inodeOf(stat);
      if (this.#seen.has(inode)) return;
      this.#seen.add(inode);
    }
    this.bytes += stat.sizeBytes;
  }
}

/**
 * A layer's directory (overlayfs's upper form) as the layer's tar, from its files alone: the same directory gives the same bytes
 * whenever it is packed. Names are in order, of a directory before what is in it; its root has no entry. Ends with the bytes that
 * its files take.
 */
export function* packLayer(
  directory: string,
  { prefix = '', isPart = false, ...options }: PackOptions = {},
): Generator<Buffer, { readonly sizeBytes: number }, undefined> {
  const packer = new TreePacker();
  const tally = new Tally();
  using chain = new DirectoryChain(openSync(directory, directoryFlags));
  const frames: Frame[] = [{ entries: entriesIn(chain.descriptor), path: prefix }];
  for (let frame = frames.at(-1); frame !== undefined; frame = frames.at(-1)) {
    const entry = frame.entries.pop();
    if (entry === undefined) {
      frames.pop();
      if (frames.length > 0) chain.leave();
      continue;
    }
    const stat = yield* packName({ packer, tally, options }, chain.descriptor, entry, frame.path);
    if ((stat.mode & fileTypes.mask) !== fileTypes.directory) continue;
    const path = `${frame.path}${entry.name}/`;
    const entered = chain.enter(entry.name);
    if (isOpaque(entered)) yield* packer.mark(path + opaqueMarker);
    frames.push({ entries: entriesIn(entered), path });
  }
  if (isPart) yield* packer.rest();
  else yield* packer.end();
  return { sizeBytes: tally.bytes };
}

function entriesIn(descriptor: number): DirectoryEntry[] {
  return readEntries(descriptor).sort((one, other) => (one.name < other.name ? 1 : -1));
}

interface Packing {
  readonly packer: TreePacker;
  readonly tally: Tally;
  readonly options: Omit<PackOptions, 'prefix' | 'isPart'>;
}

function modifiedOf(
  { modifiedSeconds: found, modifiedNanoseconds }: FileStat,
  { modifiedLimitSeconds = Number.POSITIVE_INFINITY, modifiedSeconds, keepsAll = false }: Packing['options'],
): number {
  const rounded = keepsAll && modifiedNanoseconds >= 500_000_000 ? found + 1 : found;
  return Math.min(modifiedSeconds ?? rounded, modifiedLimitSeconds);
}

function* packName(
  { packer, tally, options }: Packing,
  directory: number,
  { name, type }: DirectoryEntry,
  prefix: string,
): Generator<Buffer, FileStat, undefined> {
  // Nobody changes a layer: what is a file is opened as one at once.
  const isFile = type === fileTypes.file;
  const place = isFile ? tryOpenAt(directory, name, readFlags) : tryOpenPlace(directory, name);
  if (place < 0) throw new SystemCallError('open', -place, `${prefix}${name}`);
  try {
    const found = statAt(place);
    if (found === undefined) throw new SystemCallError('lstat', 2, `${prefix}${name}`);
    const stat = { ...found, modifiedSeconds: modifiedOf(found, options) };
    const xattrs = options.keepsAll ? readXattrsAt(directory, name) : undefined;
    if (isWhiteout(stat)) yield* packer.mark(`${prefix}${whiteoutPrefix}${name}`);
    else if (isFile) {
      tally.add(stat);
      yield* packer.addOpened(place, stat, `${prefix}${name}`, xattrs);
    } else {
      tally.add(stat);
      const isDirectory = (stat.mode & fileTypes.mask) === fileTypes.directory;
      yield* packer.add(place, stat, `${prefix}${name}${isDirectory ? '/' : ''}`, xattrs);
    }
    return stat;
  } finally {
    closeSync(place);
  }
}
