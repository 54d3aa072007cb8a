import { type BigIntStats, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { hasCode } from '#linux/errno';

const statBlockBytes = 512n;

/** Bytes on the disk below one directory, by what they are for. */
export type DiskShares = Record<string, number>;

function tryStat(path: Buffer | string): BigIntStats | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false });
}

function entriesOf(path: Buffer): Buffer[] {
  try {
    return readdirSync(path, { encoding: 'buffer' });
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ENOTDIR')) return [];
    throw error;
  }
}

/**
 * Counts the blocks that everything below `root` takes on its own file system, each inode once, as du(1) does, and adds
 * them up by what `shareOf` says of a path relative to `root`. What vanishes meanwhile is not counted.
 */
export function measureDisk(root: string, shareOf: (path: string) => string): DiskShares {
  const shares: DiskShares = {};
  const seen = new Set<bigint>();
  const device = tryStat(root)?.dev;
  const waiting: { path: Buffer; share: string | undefined; relative: string }[] = [
    { path: Buffer.from(root), share: undefined, relative: '' },
  ];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const stat = tryStat(next.path);
    // What is mounted in it is on another disk, or is another view of what is counted already.
    if (stat === undefined || stat.dev !== device) continue;
    const share = next.share ?? shareOf(next.relative);
    if (stat.nlink === 1n || stat.isDirectory() || !seen.has(stat.ino)) {
      shares[share] = (shares[share] ?? 0) + Number(stat.blocks * statBlockBytes);
    }
    if (!stat.isDirectory()) {
      if (stat.nlink > 1n) seen.add(stat.ino);
      continue;
    }
    const depth = next.relative === '' ? 0 : next.relative.split('/').length;
    for (const name of entriesOf(next.path)) {
      const path = Buffer.concat([next.path, Buffer.from('/'), name]);
      // Below a few levels all is for one thing.
      const relative = depth < sharedDepth ? join(next.relative, name.toString('latin1')) : next.relative;
      waiting.push({ path, relative, share: depth < sharedDepth ? undefined : share });
    }
  }
  return shares;
}

const sharedDepth = 4;
