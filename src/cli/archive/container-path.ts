import { type EngineClient, type PathStat, statInContainer } from '#client';
import { EstibaError } from '#std/errors';
import { paths } from '../builtins.ts';
import type { CopyEnd } from './copy-path.ts';

/** Bits of Go's os.FileMode. */
const directoryBit = 2 ** 31;
const symlinkBit = 2 ** 27;

const has = (stat: PathStat, bit: number): boolean => Math.floor(stat.mode / bit) % 2 === 1;

/** Whether a path in a container is a folder. */
export function isDirectoryStat(stat: PathStat): boolean {
  return has(stat, directoryBit);
}

/** A path that a link in a container leads to, if it is one. */
export function linkTargetOf(stat: PathStat, path: string): string | undefined {
  if (!has(stat, symlinkBit)) return undefined;
  const { dirname, join, isAbsolute } = paths().posix;
  return isAbsolute(stat.linkTarget) ? stat.linkTarget : join(dirname(path.replace(/\/+$/, '')), stat.linkTarget);
}

/** What is at a path of a container, links followed to their end; a path that is not there is told of, too. */
export async function destinationInContainer(engine: EngineClient, container: string, path: string): Promise<CopyEnd> {
  try {
    const stat = await statInContainer(engine, container, path);
    const target = linkTargetOf(stat, path);
    if (target === undefined) return { path, exists: true, isDirectory: isDirectoryStat(stat) };
    const end = await statInContainer(engine, container, target);
    return { path: target, exists: true, isDirectory: isDirectoryStat(end) };
  } catch (error) {
    // A container that is not there is told of by the request that follows.
    if (error instanceof EstibaError && error.kind === 'not-found') return { path, exists: false, isDirectory: false };
    throw error;
  }
}
