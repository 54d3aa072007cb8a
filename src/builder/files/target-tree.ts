import { closeSync, fchmodSync, constants as fsConstants, openSync } from 'node:fs';
import { hasCode, SystemCallError } from '#linux/errno';
import { copyContents } from '#linux/file-contents';
import {
  type FileStat,
  fileTypes,
  listXattrsOf,
  makeDirectoryAt,
  makeHardLinkAt,
  makeNodeAt,
  makeSymbolicLinkAt,
  openAt,
  openDirectoryAt,
  readEntries,
  readFlags,
  readLinkAt,
  readXattrOf,
  removeAt,
  setOwnerAt,
  setTimeOf,
  setXattrOf,
  statAt,
  tryOpenAt,
} from '#linux/file-tree';
import { removeTreeAt } from '#linux/remove-tree';
import { fail } from '#std/errors';
import { directoryFlags, isOpaque, isWhiteout, LowerDirectory, opaqueXattr, openMerged, overlayXattrs } from '#store';
import { attributesOf, setOpenAttributes } from './attributes.ts';
import { isType, type TreeDirectory } from './walk.ts';

const yes = Buffer.from('y');

/** Extended attributes of an open file as they may be copied: all but overlayfs's own. */
export function copyXattrs(from: number, to: number): void {
  for (const name of listXattrsOf(from)) {
    if (name.startsWith(overlayXattrs)) continue;
    const value = readXattrOf(from, name);
    // What the other file system does not take is left out, as BuildKit does.
    if (value !== undefined) setXattrOf(to, name, value);
  }
}

/**
 * A directory of a layer that is being made, as it is seen with the layers below it. What is written goes into the layer's own
 * directory in overlayfs's form, as a mount of them all would put it there: a directory of below is copied up before anything is
 * made in it, what is removed leaves a whiteout, a directory in the place of a removed one is opaque. Nothing is mounted, so files
 * of the same file system may be linked into it. Names are byte strings; nothing is followed.
 */
export class TargetDirectory implements TreeDirectory<TargetDirectory> {
  readonly names: readonly string[];
  readonly #parent: TargetDirectory | undefined;
  readonly #name: string;
  /** The directory in the layer itself; -1 while that has none. */
  #own: number;
  #lower: LowerDirectory;

  private constructor(parent: TargetDirectory | undefined, name: string, own: number, lower: LowerDirectory) {
    this.#parent = parent;
    this.#name = name;
    this.#own = own;
    this.#lower = lower;
    this.names = parent === undefined ? [] : [...parent.names, name];
  }

  /** The root of a layer at `directory` over the directories of those below, topmost first. */
  static open(directory: string, lower: readonly string[]): TargetDirectory {
    return new TargetDirectory(undefined, '', openSync(directory, directoryFlags), openMerged(lower));
  }

  close(): void {
    if (this.#own >= 0) closeSync(this.#own);
    this.#own = -1;
    this.#lower.close();
  }

  stat(name: string): FileStat | undefined {
    const own = this.#opened();
    const stat = own < 0 ? undefined : statAt(own, name);
    if (stat === undefined) return this.#lower.stat(name);
    return isWhiteout(stat) ? undefined : stat;
  }

  readLink(name: string): string {
    const own = this.#opened();
    return own >= 0 && statAt(own, name) !== undefined ? readLinkAt(own, name) : this.#lower.readLink(name);
  }

  enter(name: string): TargetDirectory {
    const above = this.#opened();
    const own = above < 0 ? -1 : tryOpenAt(above, name, directoryFlags);
    const hidesLower = own >= 0 && isOpaque(own);
    const lower = hidesLower ? new LowerDirectory([]) : this.#lower.enter(name);
    return new TargetDirectory(this, name, Math.max(own, -1), lower);
  }

  /** All names that are seen in it. */
  list(): string[] {
    const shown = new Set(this.#lower.names().keys());
    const own = this.#opened();
    const entries = own < 0 ? [] : readAgain(own);
    for (const { name, type } of entries) {
      if (type === fileTypes.character && isWhiteout(statAt(own, name))) shown.delete(name);
      else shown.add(name);
    }
    return [...shown].sort();
  }

  /** Opens a file that is seen in it for reading. */
  openFile(name: string): number {
    const own = this.#opened();
    return openAt(own >= 0 && statAt(own, name) !== undefined ? own : this.#lower.directoryOf(name), name, readFlags);
  }

  /** Whether the layer has a directory of its own here. */
  get isMaterialised(): boolean {
    return this.#opened() >= 0;
  }

  /** Its directory in the layer, copied up where it is missing: open, and closed with this. */
  materialise(): number {
    if (this.#opened() >= 0) return this.#own;
    const above = this.#parent?.materialise() ?? -1;
    const before = statAt(above);
    const model = this.#lower.top;
    const stat = statAt(model);
    if (stat === undefined) throw new SystemCallError('lstat', 2, this.#name);
    makeDirectoryAt(above, this.#name, 0o700);
    this.#own = openDirectoryAt(above, this.#name);
    setOpenAttributes(this.#own, attributesOf(stat), () => copyXattrs(model, this.#own));
    // Nothing has changed in the one above.
    if (before !== undefined) setTimeOf(above, before.modifiedSeconds, before.modifiedNanoseconds);
    return this.#own;
  }

  /** Makes a directory where there is none, and enters it. */
  makeDirectory(name: string): TargetDirectory {
    const own = this.materialise();
    const hidden = this.#lower.stat(name);
    if (isWhiteout(statAt(own, name))) removeAt(own, name, false);
    makeDirectoryAt(own, name, 0o755);
    const descriptor = openDirectoryAt(own, name);
    try {
      fchmodSync(descriptor, 0o755);
      setOwnerAt(descriptor, '', 0, 0);
      // As the kernel does it, of whatever kind what it hides is.
      if (hidden !== undefined) setXattrOf(descriptor, opaqueXattr, yes);
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
    return new TargetDirectory(this, name, descriptor, new LowerDirectory([]));
  }

  /** Takes away what has a name, a directory with all that is in it; no error when there is nothing. */
  remove(name: string): void {
    if (this.stat(name) === undefined) return;
    const own = this.materialise();
    removeTreeAt(own, name);
    if (this.#lower.stat(name) !== undefined) makeNodeAt(own, name, fileTypes.character, 0, 0);
  }

  /** Makes a new file, open for writing; what had the name is gone. The process's umask takes bits from `mode`. */
  createFile(name: string, mode = 0o600): number {
    const flags = fsConstants.O_WRONLY | fsConstants.O_CREAT | fsConstants.O_EXCL | fsConstants.O_NOFOLLOW;
    const own = this.materialise();
    const descriptor = tryOpenAt(own, name, flags, mode & 0o777);
    if (descriptor >= 0) return descriptor;
    return openAt(this.#cleared(name), name, flags, mode & 0o777);
  }

  makeSymbolicLink(name: string, target: string): void {
    const own = this.materialise();
    if (!makeSymbolicLinkAt(own, name, target)) makeSymbolicLinkAt(this.#cleared(name), name, target);
  }

  /** A device or FIFO. */
  makeNode(name: string, stat: Pick<FileStat, 'mode' | 'nodeMajor' | 'nodeMinor'>): void {
    const type = stat.mode & fileTypes.mask;
    // It would be taken for a whiteout; overlayfs itself refuses it so.
    if (type === fileTypes.character && stat.nodeMajor === 0 && stat.nodeMinor === 0) {
      throw fail('invalid-argument', 'operation not permitted');
    }
    makeNodeAt(this.#cleared(name), name, type, stat.nodeMajor, stat.nodeMinor);
  }

  /** The layer's own directory with a file of below in it: it is copied there, to be given further names. */
  copyUp(name: string): number {
    const own = this.materialise();
    const stat = this.#lower.stat(name);
    if (statAt(own, name) !== undefined || stat === undefined || !isType(stat, fileTypes.file)) return own;
    const input = this.openFile(name);
    try {
      const output = this.createFile(name);
      try {
        copyContents(input, output, stat.sizeBytes);
        setOpenAttributes(output, attributesOf(stat), () => copyXattrs(input, output));
      } finally {
        closeSync(output);
      }
    } finally {
      closeSync(input);
    }
    return own;
  }

  /** Runs `make` in the layer's own directory, in which nothing has the name any more. */
  replacing<R>(name: string, make: (own: number) => R): R {
    return make(this.#cleared(name));
  }

  /** Gives a file of another open directory a name here. False when the file systems do not allow it. */
  link(from: number, source: string, name: string): boolean {
    try {
      return makeHardLinkAt(from, source, this.#cleared(name), name);
    } catch (error) {
      if (['EXDEV', 'EMLINK', 'EPERM'].some((code) => hasCode(error, code))) return false;
      throw error;
    }
  }

  /** The layer's own directory, with nothing of that name in it. */
  #cleared(name: string): number {
    const own = this.materialise();
    if (statAt(own, name) !== undefined) removeTreeAt(own, name);
    return own;
  }

  /** The layer's own directory; another handle on the same may have made it. */
  #opened(): number {
    if (this.#own >= 0 || this.#parent === undefined) return this.#own;
    const above = this.#parent.#opened();
    if (above < 0) return -1;
    const own = tryOpenAt(above, this.#name, directoryFlags);
    if (own >= 0) this.#own = own;
    return this.#own;
  }
}

/** All names in an open directory, which others may have read before. */
function readAgain(directory: number) {
  const descriptor = openDirectoryAt(directory, '.');
  try {
    return readEntries(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
