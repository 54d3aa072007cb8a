import { closeSync, openSync } from 'node:fs';
import { DirectoryChain } from '#linux/directory-chain';
import { hasCode } from '#linux/errno';
import { fileTypes, openAt, readEntries, statAt } from '#linux/file-tree';
import { capabilityOf, directoryFlags, isOpaque, isWhiteout, LowerDirectory, openBelow } from './snapshot-lower.ts';

/** What a container has done to a path, in the numbers of the Engine API. */
export const changeKinds = { modified: 0, added: 1, deleted: 2 } as const;

export interface Change {
  /** Absolute; a byte string (`latin1`). */
  readonly path: string;
  readonly kind: 0 | 1 | 2;
}

/** So long the search goes on before others may use the thread. */
const turnMs = 4;

interface Frame {
  /** Sorted, the first last. */
  readonly names: string[];
  readonly types: ReadonlyMap<string, number>;
  lower: LowerDirectory;
  readonly pathLength: number;
  /** Where in the list of changes this directory's own begin. */
  readonly firstChange: number;
  /** Nothing of the layers below shows here. */
  readonly hidesLower: boolean;
  /** It stands in the list already. */
  readonly isListed: boolean;
}

/**
 * What a container's writable layer changes of the layers below, parents before what is in them, names in order. As Docker
 * finds it: a file is changed when mode, owner, device, size, time or capability differ, a directory when mode or owner do or
 * anything in it has changed. `hidden` are paths that the engine itself makes in every container.
 */
export async function changesOf(
  upper: string,
  lower: readonly string[],
  hidden: ReadonlySet<string>,
): Promise<Change[]> {
  const roots = lower.map((path) => openSync(path, directoryFlags));
  const search = new ChangeSearch(openSync(upper, directoryFlags), roots, hidden);
  try {
    let turnBeganMs = performance.now();
    while (search.step()) {
      if (performance.now() - turnBeganMs < turnMs) continue;
      await new Promise((resolve) => setImmediate(resolve));
      turnBeganMs = performance.now();
    }
    return search.changes;
  } finally {
    search.close();
    for (const root of roots) closeSync(root);
  }
}

class ChangeSearch {
  changes: Change[] = [];
  readonly #chain: DirectoryChain;
  readonly #roots: readonly number[];
  readonly #hidden: ReadonlySet<string>;
  readonly #frames: Frame[] = [];
  #path = '/';

  constructor(upper: number, roots: readonly number[], hidden: ReadonlySet<string>) {
    this.#chain = new DirectoryChain(upper);
    this.#roots = roots;
    this.#hidden = hidden;
    const lower = new LowerDirectory(roots.map((root) => openAt(root, '.', directoryFlags)));
    this.#push(lower, true);
  }

  close(): void {
    for (const { lower } of this.#frames) lower.close();
    this.#chain[Symbol.dispose]();
  }

  /** Looks at one name; false when there are no more. */
  step(): boolean {
    const frame = this.#frames.at(-1);
    if (frame === undefined) return false;
    const name = frame.names.pop();
    if (name === undefined) {
      this.#leave(frame);
      return true;
    }
    this.#path = this.#path.slice(0, frame.pathLength) + name;
    if (this.#hidden.has(this.#path) && !frame.lower.names().has(name)) {
      // Ours; but what the container has put into it is the container's.
      if (frame.types.get(name) === fileTypes.directory) this.#enter(frame, name, true);
      return true;
    }
    this.#look(frame, name);
    return true;
  }

  #push(lower: LowerDirectory, isListed: boolean): void {
    const descriptor = this.#chain.descriptor;
    const types = new Map(readEntries(descriptor).map(({ name, type }) => [name, type]));
    const names = [...types.keys()];
    // All that was there before is gone from an opaque directory, but for what has been made anew; and from all below it, which
    // overlayfs marks no more.
    const hidesLower = (this.#frames.at(-1)?.hidesLower ?? false) || (lower.exists && isOpaque(descriptor));
    if (hidesLower && lower.exists) for (const name of lower.names().keys()) if (!types.has(name)) names.push(name);
    names.sort().reverse();
    this.#frames.push({
      names,
      types,
      lower,
      isListed,
      hidesLower,
      pathLength: this.#path.length,
      firstChange: this.changes.length,
    });
  }

  #look(frame: Frame, name: string): void {
    const type = frame.types.get(name);
    if (!frame.lower.exists) {
      // Nothing is below: all is new, and of most files the type is all that needs to be known.
      if (type === fileTypes.character && isWhiteout(statAt(this.#chain.descriptor, name))) return;
      this.#add(changeKinds.added);
      if (type === fileTypes.directory) this.#enter(frame, name, true);
      return;
    }
    const isBelow = frame.lower.names().has(name);
    if (type === undefined || (type === fileTypes.character && isWhiteout(statAt(this.#chain.descriptor, name)))) {
      if (isBelow) this.#add(changeKinds.deleted);
      return;
    }
    if (!isBelow) this.#add(changeKinds.added);
    const isListed = !isBelow || this.#compare(frame, name);
    if (type === fileTypes.directory) this.#enter(frame, name, isListed);
  }

  /** Whether the file is another than the one below; then it is listed. */
  #compare(frame: Frame, name: string): boolean {
    const directory = this.#chain.descriptor;
    const [now, before] = [statAt(directory, name), frame.lower.stat(name)];
    if (now === undefined || before === undefined) return false;
    let isDifferent =
      now.mode !== before.mode ||
      now.uid !== before.uid ||
      now.gid !== before.gid ||
      now.nodeMajor !== before.nodeMajor ||
      now.nodeMinor !== before.nodeMinor;
    if (!isDifferent && (now.mode & fileTypes.mask) !== fileTypes.directory) {
      isDifferent =
        now.modifiedSeconds !== before.modifiedSeconds ||
        now.modifiedNanoseconds !== before.modifiedNanoseconds ||
        now.sizeBytes !== before.sizeBytes ||
        ((now.mode & fileTypes.mask) === fileTypes.file &&
          capabilityOf(directory, name) !== frame.lower.capability(name));
    }
    if (isDifferent) this.#add(changeKinds.modified);
    return isDifferent;
  }

  #enter(frame: Frame, name: string, isListed: boolean): void {
    const lower = frame.lower.enter(name);
    try {
      this.#chain.enter(name);
    } catch (error) {
      lower.close();
      // A container that runs may have taken it away meanwhile.
      if (hasCode(error, 'ENOENT') || hasCode(error, 'ENOTDIR')) return;
      throw error;
    }
    this.#path += '/';
    // Of a deep way down only the nearest directories stay open; the others are found again.
    const distant = this.#frames.at(-keptFrames);
    if (distant?.lower.exists) {
      distant.lower.close();
      distant.lower = closedDirectory;
    }
    this.#push(lower, isListed);
  }

  #leave(frame: Frame): void {
    this.#frames.pop();
    frame.lower.close();
    const above = this.#frames.at(-1);
    if (above === undefined) return;
    this.#chain.leave();
    if (above.lower === closedDirectory) above.lower = this.#reopen(above);
    if (frame.isListed || this.changes.length === frame.firstChange) return;
    // Something in it has changed: it is listed before that.
    const path = this.#path.slice(0, frame.pathLength - 1);
    this.changes.splice(frame.firstChange, 0, { path, kind: changeKinds.modified });
  }

  /** The same directories of the layers below that were there before, by their path. */
  #reopen(frame: Frame): LowerDirectory {
    const path = this.#path.slice(1, frame.pathLength - 1);
    const found: number[] = [];
    for (const root of this.#roots) {
      const descriptor = openBelow(root, path);
      if (descriptor === undefined) continue;
      found.push(descriptor);
      if (isOpaque(descriptor)) break;
    }
    return new LowerDirectory(found);
  }

  #add(kind: Change['kind']): void {
    this.changes.push({ path: this.#path, kind });
  }
}

const keptFrames = 32;
/** Stands for one that has been closed to save descriptors. */
const closedDirectory = new LowerDirectory([]);
