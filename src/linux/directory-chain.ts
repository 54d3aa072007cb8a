import { closeSync } from 'node:fs';
import { SystemCallError } from './errno.ts';
import { type FileStat, isSameFile, openDirectoryAt, statAt } from './file-tree.ts';

/** So many of the directories above the present one stay open; a tree may be deeper than a process may have descriptors. */
const keptOpen = 48;
const stale = 116;

interface Level {
  descriptor: number | undefined;
  /** What the directory is, from when it was let go. */
  identity: FileStat | undefined;
  /** Its `..` is not the level above: the root of a mount. */
  readonly isDetached: boolean;
}

/**
 * The way from a directory down to one below it, however deep. Nothing in it is looked up by a path: a level that was let go
 * is found again by `..`, and only when that is the very directory that it was, so that whoever moves directories about
 * meanwhile leads nobody out of the tree. Throws `SystemCallError`.
 */
export class DirectoryChain implements Disposable {
  readonly #levels: Level[];

  /** Takes the descriptor over. */
  constructor(descriptor: number) {
    this.#levels = [{ descriptor, identity: undefined, isDetached: true }];
  }

  /** Number of levels below the first. */
  get depth(): number {
    return this.#levels.length - 1;
  }

  /** The present directory, open for reading. */
  get descriptor(): number {
    return this.#levels.at(-1)?.descriptor ?? -1;
  }

  /** Goes down by a name, which must be a directory and no symbolic link. */
  enter(name: string): number {
    return this.enterOpened(openDirectoryAt(this.descriptor, name), false);
  }

  /** Goes down to a directory that is open already, and takes it over. */
  enterOpened(descriptor: number, isDetached: boolean): number {
    this.#levels.push({ descriptor, identity: undefined, isDetached });
    const distant = this.#levels[this.#levels.length - 1 - keptOpen];
    const below = this.#levels[this.#levels.length - keptOpen];
    if (distant?.descriptor !== undefined && below?.isDetached === false) {
      distant.identity = statAt(distant.descriptor);
      closeSync(distant.descriptor);
      distant.descriptor = undefined;
    }
    return descriptor;
  }

  /** Goes up by one. */
  leave(): void {
    const above = this.#levels.at(-2);
    const left = this.#levels.at(-1);
    if (above === undefined || left?.descriptor === undefined) throw new SystemCallError('openat', stale, '..');
    if (above.descriptor === undefined) above.descriptor = reopen(left.descriptor, above.identity);
    closeSync(left.descriptor);
    this.#levels.pop();
  }

  [Symbol.dispose](): void {
    for (const { descriptor } of this.#levels) if (descriptor !== undefined) closeSync(descriptor);
    this.#levels.length = 0;
  }
}

function reopen(from: number, identity: FileStat | undefined): number {
  const descriptor = openDirectoryAt(from, '..');
  const found = statAt(descriptor);
  if (found !== undefined && identity !== undefined && isSameFile(found, identity)) return descriptor;
  closeSync(descriptor);
  throw new SystemCallError('openat', stale, '..');
}
