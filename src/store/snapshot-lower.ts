import { closeSync, constants as fsConstants } from 'node:fs';
import { hasCode } from '#linux/errno';
import {
  type FileStat,
  fileTypes,
  inodeOf,
  openAt,
  readEntries,
  readLinkAt,
  readXattrOf,
  statAt,
  tryOpenAt,
} from '#linux/file-tree';
import { readXattr } from '#linux/xattr';

/** What the names of extended attributes begin with that overlayfs reads from layers: nobody's files may bring them. */
export const overlayXattrs = 'trusted.overlay.';
/** On a directory of a layer, `y`: nothing of the layers below shows through it. */
export const opaqueXattr = 'trusted.overlay.opaque';
const capability = 'security.capability';
const noEntry = 2;
const pathPieceBytes = 2048;

/** How a directory of a layer is opened: to be read, and only when it is one. */
export const directoryFlags = fsConstants.O_RDONLY | fsConstants.O_DIRECTORY | fsConstants.O_NOFOLLOW;

/** Whether a file is overlayfs's mark for a name that is gone: the character device 0:0. */
export function isWhiteout(stat: FileStat | undefined): boolean {
  if (stat === undefined || (stat.mode & fileTypes.mask) !== fileTypes.character) return false;
  return stat.nodeMajor === 0 && stat.nodeMinor === 0;
}

/** Whether nothing of the layers below shows through an open directory. */
export function isOpaque(descriptor: number): boolean {
  return readXattrOf(descriptor, opaqueXattr)?.toString('latin1') === 'y';
}

/** A directory below a layer's root, by its path, which may be longer than the kernel takes; undefined when there is none. */
export function openBelow(root: number, path: string): number | undefined {
  let descriptor = openAt(root, '.', directoryFlags);
  for (let rest = path; rest !== ''; ) {
    const end = rest.length <= pathPieceBytes ? rest.length : rest.indexOf('/', pathPieceBytes);
    const piece = end === -1 ? rest : rest.slice(0, end);
    rest = rest.slice(piece.length + 1);
    const next = tryOpenAt(descriptor, piece, directoryFlags);
    closeSync(descriptor);
    if (next < 0) return undefined;
    descriptor = next;
  }
  return descriptor;
}

/** What the layers below show in one directory: the directory of each that takes part in it, topmost first. */
export class LowerDirectory {
  readonly #descriptors: number[];
  #names: Map<string, number> | undefined;

  /** Takes the descriptors over. */
  constructor(descriptors: readonly number[]) {
    this.#descriptors = [...descriptors];
  }

  get exists(): boolean {
    return this.#descriptors.length > 0;
  }

  close(): void {
    for (const descriptor of this.#descriptors) closeSync(descriptor);
  }

  /** Name -> the layer (by its place in this directory) that shows it. */
  names(): ReadonlyMap<string, number> {
    if (this.#names !== undefined) return this.#names;
    const names = new Map<string, number>();
    const hidden = new Set<string>();
    for (const [index, descriptor] of this.#descriptors.entries()) {
      for (const { name, type } of readEntries(descriptor)) {
        if (names.has(name) || hidden.has(name)) continue;
        if (type === fileTypes.character && isWhiteout(statAt(descriptor, name))) hidden.add(name);
        else names.set(name, index);
      }
    }
    this.#names = names;
    return names;
  }

  /** Tells it from every other: directories that are made of the same ones show the same, all the way down. */
  get identity(): string {
    return this.#descriptors
      .map((descriptor) => {
        const stat = statAt(descriptor);
        return stat === undefined ? '' : inodeOf(stat);
      })
      .join(' ');
  }

  /** The directory of the layer that shows a name; -1 when none does. */
  directoryOf(name: string): number {
    return this.#descriptors[this.#indexOf(name)] ?? -1;
  }

  stat(name: string): FileStat | undefined {
    const index = this.#indexOf(name);
    return index < 0 ? undefined : statAt(this.#descriptors[index] ?? -1, name);
  }

  /** All names that are seen in it, in order. */
  list(): string[] {
    return [...this.names().keys()].sort();
  }

  readLink(name: string): string {
    return readLinkAt(this.directoryOf(name), name);
  }

  /** An attribute of the file that is shown. */
  capability(name: string): string {
    return capabilityOf(this.directoryOf(name), name);
  }

  /** The topmost directory itself. */
  get top(): number {
    return this.#descriptors[0] ?? -1;
  }

  /** Which of the layers shows a name; -1 when none does. One name is looked up where not all of them are known yet. */
  #indexOf(name: string): number {
    if (this.#names !== undefined) return this.#names.get(name) ?? -1;
    for (const [index, descriptor] of this.#descriptors.entries()) {
      const stat = statAt(descriptor, name);
      if (stat !== undefined) return isWhiteout(stat) ? -1 : index;
    }
    return -1;
  }

  /** The directory of that name as these layers show it. */
  enter(name: string): LowerDirectory {
    const found: number[] = [];
    const first = this.#indexOf(name);
    for (const directory of first < 0 ? [] : this.#descriptors.slice(first)) {
      const descriptor = tryOpenAt(directory, name, directoryFlags);
      if (descriptor === -noEntry) continue;
      // Another kind of file hides what is below it.
      if (descriptor < 0) break;
      found.push(descriptor);
      if (isOpaque(descriptor)) break;
    }
    return new LowerDirectory(found);
  }
}

/** File capabilities, as bytes; nothing that is in the name's place is opened for it. */
export function capabilityOf(directory: number, name: string): string {
  try {
    const path = Buffer.from(`/proc/self/fd/${directory}/${name}`, 'latin1');
    return readXattr(path, capability)?.toString('latin1') ?? '';
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return '';
    throw error;
  }
}
