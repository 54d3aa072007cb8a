import { constants as fsConstants, openSync } from 'node:fs';
import { DirectoryChain } from './directory-chain.ts';
import { hasCode } from './errno.ts';
import { type DirectoryEntry, fileTypes, openDirectoryAt, readEntries, removeAt, statAt } from './file-tree.ts';

interface Frame {
  readonly entries: DirectoryEntry[];
  readonly name: string;
}

/**
 * Removes a name of a directory with all that is below it, however deep. Symbolic links are removed, never followed. No error
 * when there is none; throws `SystemCallError`.
 */
export function removeTreeAt(directory: number, name: string): void {
  const isDirectory = ((statAt(directory, name)?.mode ?? 0) & fileTypes.mask) === fileTypes.directory;
  if (!isDirectory) {
    removeAt(directory, name, false);
    return;
  }
  const opened = openDirectoryAt(directory, name);
  using chain = new DirectoryChain(opened);
  const frames: Frame[] = [{ entries: readEntries(opened), name }];
  for (let frame = frames.at(-1); frame !== undefined; frame = frames.at(-1)) {
    const entry = frame.entries.pop();
    if (entry === undefined) {
      frames.pop();
      if (frames.length > 0) chain.leave();
      removeAt(frames.length > 0 ? chain.descriptor : directory, frame.name, true);
    } else if (!removeFile(chain.descriptor, entry)) {
      frames.push({ entries: readEntries(chain.enter(entry.name)), name: entry.name });
    }
  }
}

/** Goes down; false when somebody else has removed it. */
function entered(chain: DirectoryChain, name: string): boolean {
  try {
    chain.enter(name);
    return true;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false;
    throw error;
  }
}

/** False when it is a directory. */
function removeFile(directory: number, { name, type }: DirectoryEntry): boolean {
  if (type === fileTypes.directory) return false;
  try {
    removeAt(directory, name, false);
    return true;
  } catch (error) {
    if (hasCode(error, 'EISDIR')) return false;
    throw error;
  }
}

/** Directories this deep are left to whatever removes a tree otherwise. */
const shallowLevels = 64;
const turnMs = 4;

/**
 * Removes what is very deep below a directory: paths there are longer than the kernel takes, and what removes trees by paths
 * fails there, or takes minutes. Others may use the thread in between. Throws `SystemCallError`.
 */
export async function trimTree(path: string): Promise<void> {
  const opened = openSync(path, fsConstants.O_RDONLY | fsConstants.O_DIRECTORY | fsConstants.O_NOFOLLOW);
  using chain = new DirectoryChain(opened);
  const isDirectory = ({ type }: DirectoryEntry): boolean => type === fileTypes.directory;
  const frames = [readEntries(opened).filter(isDirectory)];
  let turnBeganMs = performance.now();
  for (let frame = frames.at(-1); frame !== undefined; frame = frames.at(-1)) {
    const entry = frame.pop();
    if (entry === undefined) {
      frames.pop();
      if (frames.length > 0) chain.leave();
    } else if (chain.depth < shallowLevels) {
      if (entered(chain, entry.name)) frames.push(readEntries(chain.descriptor).filter(isDirectory));
    } else {
      removeTreeAt(chain.descriptor, entry.name);
    }
    if (performance.now() - turnBeganMs < turnMs) continue;
    await new Promise((resolve) => setImmediate(resolve));
    turnBeganMs = performance.now();
  }
}
