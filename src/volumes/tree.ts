import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Bytes that a tree occupies on disk; what vanishes meanwhile is not counted. A file with several names counts once. */
export async function sizeOfTree(path: string, seen: Set<number> = new Set()): Promise<number> {
  const stats = await lstat(path).catch(() => undefined);
  if (stats === undefined) return 0;
  if (!stats.isDirectory()) {
    if (stats.nlink > 1 && seen.has(stats.ino)) return 0;
    seen.add(stats.ino);
    return stats.isFile() ? stats.size : 0;
  }
  let total = 0;
  for (const name of await readdir(path).catch(() => [])) total += await sizeOfTree(join(path, name), seen);
  return total;
}
