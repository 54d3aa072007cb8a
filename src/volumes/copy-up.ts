import {
  type BigIntStats,
  closeSync,
  constants,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { ConfinedDirectory, type FileAttributes } from '#linux/confined-directory';
import { hasCode } from '#linux/errno';
import { openInRoot, pathOnly } from '#linux/open-in-root';
import { listXattrs, readXattr } from '#linux/xattr';
import { fail } from '#std/errors';

const chunkBytes = 1 << 20;
/** How much is copied before others get their turn: bytes, with a file counted as a few. */
const turnBytes = 8 << 20;
const entryCostBytes = 16 << 10;
const overlayAttribute = /^(?:trusted|user)\.overlay\./;

/** One copy: where it reads, where it writes, and what it must remember between files. */
interface Copy {
  /** A directory of the host, held open. */
  readonly source: Buffer;
  readonly target: ConfinedDirectory;
  /** Files with several names: device and inode -> path of the first one in the target. */
  readonly links: Map<string, string>;
  readonly buffer: Buffer;
  sinceTurnBytes: number;
}

function attributesOf(path: Buffer, stats: BigIntStats): FileAttributes {
  const xattrs = new Map<string, Buffer>();
  for (const name of listXattrs(path)) {
    const value = overlayAttribute.test(name) ? undefined : readXattr(path, name);
    if (value !== undefined) xattrs.set(name, value);
  }
  return {
    mode: Number(stats.mode & 0o7777n),
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    xattrs,
    modifiedSeconds: Number(stats.mtimeNs / 1_000_000_000n),
    modifiedNanoseconds: Number(stats.mtimeNs % 1_000_000_000n),
  };
}

/** Lets others run when this copy has had its turn. */
async function takeTurns(copy: Copy, bytes: number): Promise<void> {
  copy.sinceTurnBytes += bytes;
  if (copy.sinceTurnBytes < turnBytes) return;
  copy.sinceTurnBytes = 0;
  await new Promise<void>((resolve) => setImmediate(resolve));
}

async function copyFile(copy: Copy, from: Buffer, to: string): Promise<void> {
  const input = openSync(from, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const output = copy.target.createFile(to);
    try {
      for (;;) {
        const count = readSync(input, copy.buffer);
        if (count === 0) return;
        for (let at = 0; at < count; ) at += writeSync(output, copy.buffer, at, count - at);
        await takeTurns(copy, count);
      }
    } finally {
      closeSync(output);
    }
  } finally {
    closeSync(input);
  }
}

function deviceNumbers(rdev: bigint): [major: number, minor: number] {
  return [
    Number(((rdev >> 32n) & 0xfffff000n) | ((rdev >> 8n) & 0xfffn)),
    Number(((rdev >> 12n) & 0xffffff00n) | (rdev & 0xffn)),
  ];
}

async function copyEntry(copy: Copy, from: Buffer, to: string): Promise<void> {
  const { target, links } = copy;
  const stats = lstatSync(from, { bigint: true });
  const identity = `${stats.dev}:${stats.ino}`;
  const first = stats.isDirectory() || stats.nlink === 1n ? undefined : links.get(identity);
  if (first !== undefined) {
    target.makeHardLink(to, first);
    return;
  }
  if (stats.isDirectory()) {
    target.makeDirectory(to);
    await copyEntries(copy, from, to);
  } else if (stats.isFile()) await copyFile(copy, from, to);
  else if (stats.isSymbolicLink()) {
    target.makeSymbolicLink(to, readlinkSync(from, { encoding: 'buffer' }).toString('latin1'));
  } else if (stats.isCharacterDevice()) target.makeNode(to, 'character', ...deviceNumbers(stats.rdev));
  else if (stats.isBlockDevice()) target.makeNode(to, 'block', ...deviceNumbers(stats.rdev));
  else if (stats.isFIFO()) target.makeNode(to, 'fifo');
  // A socket without its listener is of no use to anybody.
  else return;
  if (stats.nlink > 1n && !stats.isDirectory()) links.set(identity, to);
  target.setAttributes(to, attributesOf(from, stats), stats.isSymbolicLink());
}

async function copyEntries(copy: Copy, from: Buffer, to: string): Promise<void> {
  for (const name of readdirSync(from, { encoding: 'buffer' })) {
    const below = Buffer.concat([from, Buffer.from('/'), name]);
    await copyEntry(copy, below, to === '' ? name.toString('latin1') : `${to}/${name.toString('latin1')}`);
    await takeTurns(copy, entryCostBytes);
  }
}

function openSource(rootfs: string, pathInContainer: string): number | undefined {
  try {
    return openInRoot(rootfs, pathInContainer, pathOnly | constants.O_DIRECTORY);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    if (!hasCode(error, 'ENOTDIR')) throw error;
    throw fail('internal', `source ${join(rootfs, pathInContainer)} is not directory`, error);
  }
}

/** Whether a container's root has a directory at this place; throws in Docker's words when it is something else. */
export function hasDirectory(rootfs: string, pathInContainer: string): boolean {
  const descriptor = openSource(rootfs, pathInContainer);
  if (descriptor === undefined) return false;
  closeSync(descriptor);
  return true;
}

/**
 * Fills an empty volume with what the container's image has at the volume's place: content, owners, modes, times, links,
 * devices and extended attributes, and those of the directory itself. Neither side can lead out of itself: the source is
 * resolved inside the container's root, and the volume may be in use by another container meanwhile. Returns whether it
 * copied; false for a volume with content, and for a place that the image does not have.
 */
export async function copyUp(rootfs: string, pathInContainer: string, volumePath: string): Promise<boolean> {
  if (readdirSync(volumePath).length > 0) return false;
  const descriptor = openSource(rootfs, pathInContainer);
  if (descriptor === undefined) return false;
  try {
    using target = new ConfinedDirectory(volumePath);
    // With a dot, so that it is the directory that is looked at and not the link in /proc.
    const source = Buffer.from(`/proc/self/fd/${descriptor}/.`);
    const copy: Copy = { source, target, links: new Map(), buffer: Buffer.alloc(chunkBytes), sinceTurnBytes: 0 };
    await copyEntries(copy, source, '');
    target.setAttributes('', attributesOf(source, lstatSync(source, { bigint: true })));
    return true;
  } finally {
    closeSync(descriptor);
  }
}
