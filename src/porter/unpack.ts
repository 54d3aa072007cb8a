import { chmodSync, closeSync, fchmodSync, constants as fsConstants, ftruncateSync, writeSync } from 'node:fs';
import { SystemCallError } from '#linux/errno';
import {
  fileTypes,
  makeDirectoryAt,
  makeHardLinkAt,
  makeNodeAt,
  makeSymbolicLinkAt,
  openAt,
  openDirectoryAt,
  readEntries,
  setOwnerAt,
  setTimeAt,
  setTimeOf,
  setXattrOf,
  statAt,
  tryOpenAt,
  tryOpenPlace,
} from '#linux/file-tree';
import { removeTreeAt } from '#linux/remove-tree';
import type { TarEntry, TarHandler } from '#oci';
import { fail } from '#std/errors';
import { type ContainerView, cleanPath, isType, LeavesRoot, type Place } from './view.ts';

const exists = 17;
const readOnlyFileSystem = 30;
const busy = 16;
/** Deeper trees take long. */
const briefDepth = 64;

/** How the files of an archive are written (the query of `PUT /containers/{id}/archive`). */
export interface UnpackOptions {
  /** Neither may a file take the place of a directory, nor the other way round. */
  readonly noOverwriteDirNonDir: boolean;
  /** All files become this one's, whoever's the archive says they are. */
  readonly owner?: { readonly uid: number; readonly gid: number };
  /** Throws `LeavesRoot` rather than remove a whole tree, which takes long. */
  readonly isBrief?: boolean;
}

interface Parent {
  readonly path: string;
  readonly place: Place;
}

/** Resolves an entry's path; throws when it leads out of the archive's root. */
function entryPath(path: string): string[] {
  let depth = 0;
  for (const part of path.split('/')) {
    if (part === '..') depth -= 1;
    else if (part !== '' && part !== '.') depth += 1;
    if (depth < 0 || part.includes('\0')) {
      throw fail('invalid-argument', `invalid entry name ${JSON.stringify(Buffer.from(path, 'latin1').toString())}`);
    }
  }
  return cleanPath(path);
}

/**
 * Writes the entries of an archive below a directory of a view, in the way of `docker cp`: what is there is replaced, but
 * directories are merged. Links on the way lead where they lead in the container, the last component is never followed, and
 * attributes are set on what was just made, by descriptor, never on what has meanwhile been put in its place.
 */
export class Unpacker implements TarHandler, Disposable {
  readonly #view: ContainerView;
  readonly #top: Place;
  readonly #shownTop: string;
  readonly #options: UnpackOptions;
  #parent: Parent | undefined;
  #file: { descriptor: number; entry: TarEntry; extent: number; within: number } | undefined;
  /** Filling a directory changes its time: these are set last. */
  readonly #directories: Pick<TarEntry, 'path' | 'modifiedSeconds' | 'modifiedNanoseconds'>[] = [];

  constructor(view: ContainerView, top: Place, options: UnpackOptions) {
    this.#view = view;
    this.#top = top;
    this.#options = options;
    this.#shownTop = `/${top.names.join('/')}`;
  }

  entry(entry: TarEntry): void {
    const parts = entryPath(entry.path);
    if (this.#options.isBrief === true && parts.length > briefDepth) throw new LeavesRoot(entry.path);
    const name = parts.pop();
    // The directory itself stays as it is.
    if (name === undefined) return;
    const { place } = this.#parentOf(parts);
    if (this.#view.writeRefusal(place.names) !== undefined) {
      throw new SystemCallError('open', readOnlyFileSystem, entry.path);
    }
    if (this.#view.mountAt(place.names, name) !== undefined && entry.type !== 'directory') {
      throw fail('internal', `RemoveAll ${entry.path}: device or resource busy`);
    }
    this.#make(place, name, entry);
  }

  data(chunk: Buffer): void {
    const file = this.#file;
    if (file === undefined) return;
    let rest = chunk;
    while (rest.length > 0) {
      const extent = file.entry.sparse?.[file.extent];
      if (file.entry.sparse !== undefined && extent === undefined) return;
      const piece = extent === undefined ? rest : rest.subarray(0, extent.length - file.within);
      const position = (extent?.offset ?? 0) + file.within;
      for (let written = 0; written < piece.length; ) {
        written += writeSync(file.descriptor, piece, written, piece.length - written, position + written);
      }
      file.within += piece.length;
      rest = rest.subarray(piece.length);
      if (extent !== undefined && file.within === extent.length) {
        file.extent += 1;
        file.within = 0;
      }
    }
  }

  end(): void {
    const file = this.#file;
    if (file === undefined) return;
    this.#file = undefined;
    const { descriptor, entry } = file;
    try {
      if (entry.sparse !== undefined) ftruncateSync(descriptor, entry.sizeBytes);
      this.#setAttributes(descriptor, entry);
      setTimeOf(descriptor, entry.modifiedSeconds, entry.modifiedNanoseconds);
    } finally {
      closeSync(descriptor);
    }
  }

  /** Sets what had to wait; the archive has been read to its end. */
  finish(): void {
    for (const { path, modifiedSeconds, modifiedNanoseconds } of this.#directories) {
      const parts = cleanPath(path);
      const name = parts.pop() ?? '';
      setTimeAt(this.#parentOf(parts).place.descriptor, name, modifiedSeconds, modifiedNanoseconds);
    }
  }

  [Symbol.dispose](): void {
    if (this.#file !== undefined) closeSync(this.#file.descriptor);
    this.#file = undefined;
    this.#forgetParent();
  }

  #forgetParent(): void {
    if (this.#parent !== undefined) closeSync(this.#parent.place.descriptor);
    this.#parent = undefined;
  }

  /** The directory of an entry, made with what is missing above it. Archives come in order: most often the last one's will do. */
  #parentOf(parts: readonly string[]): Parent {
    const path = parts.join('/');
    const last = this.#parent;
    if (last?.path === path) return last;
    const isBelow = last !== undefined && last.path !== '' && path.startsWith(`${last.path}/`);
    const from = isBelow ? last.place : this.#top;
    const rest = isBelow ? path.slice(last.path.length + 1).split('/') : parts;
    const place = this.#view.descend(from, rest, true);
    if (!isType(place.stat, fileTypes.directory)) {
      closeSync(place.descriptor);
      throw fail('internal', `mkdir ${path}: not a directory`);
    }
    this.#forgetParent();
    this.#parent = { path, place };
    return this.#parent;
  }

  #make({ descriptor: directory, names }: Place, name: string, entry: TarEntry): void {
    const replacing = (make: () => boolean): void => {
      if (make()) return;
      this.#removePresent(directory, name, entry);
      if (!make()) throw new SystemCallError('open', exists, entry.path);
    };
    switch (entry.type) {
      case 'file':
        this.#file = { descriptor: this.#createFile(directory, name, entry), entry, extent: 0, within: 0 };
        break;
      case 'directory':
        this.#makeDirectory({ descriptor: directory, names }, name, entry);
        break;
      case 'symlink':
        replacing(() => makeSymbolicLinkAt(directory, name, entry.linkPath));
        this.#setPlaceAttributes(directory, name, entry);
        break;
      case 'hardlink':
        this.#makeHardLink(entry, (from, source) => replacing(() => makeHardLinkAt(from, source, directory, name)));
        break;
      default: {
        const type = fileTypes[entry.type];
        replacing(() => makeNodeAt(directory, name, type, entry.deviceMajor, entry.deviceMinor));
        this.#setPlaceAttributes(directory, name, entry);
      }
    }
  }

  #createFile(directory: number, name: string, entry: TarEntry): number {
    const flags = fsConstants.O_WRONLY | fsConstants.O_CREAT | fsConstants.O_EXCL | fsConstants.O_NOFOLLOW;
    const { uid } = this.#options.owner ?? entry;
    // Another's file is nobody else's until it is that one's.
    const mode = uid === 0 ? entry.mode & 0o777 : 0o600;
    const descriptor = tryOpenAt(directory, name, flags, mode);
    if (descriptor >= 0) return descriptor;
    if (descriptor !== -exists) throw new SystemCallError('open', -descriptor, entry.path);
    this.#removePresent(directory, name, entry);
    return openAt(directory, name, flags, mode);
  }

  #makeDirectory(
    { descriptor: directory, names }: Pick<Place, 'descriptor' | 'names'>,
    name: string,
    entry: TarEntry,
  ): void {
    // What is mounted there is a directory, and has its own attributes.
    if (this.#view.mountAt(names, name) === undefined) {
      if (!makeDirectoryAt(directory, name, 0o700)) {
        const present = statAt(directory, name);
        if (present === undefined || !isType(present, fileTypes.directory)) {
          this.#removePresent(directory, name, entry);
          makeDirectoryAt(directory, name, 0o700);
        }
      }
      const descriptor = openDirectoryAt(directory, name);
      try {
        this.#setAttributes(descriptor, entry);
      } finally {
        closeSync(descriptor);
      }
    }
    this.#directories.push(entry);
  }

  #makeHardLink(entry: TarEntry, link: (from: number, source: string) => void): void {
    const parts = entryPath(entry.linkPath);
    const source = parts.pop();
    if (source === undefined) throw fail('invalid-argument', `invalid hardlink ${JSON.stringify(entry.linkPath)}`);
    const from = this.#view.descend(this.#top, parts, false);
    try {
      link(from.descriptor, source);
    } finally {
      closeSync(from.descriptor);
    }
  }

  /** Takes away what has the name, where it may be replaced. */
  #removePresent(directory: number, name: string, entry: TarEntry): void {
    const present = statAt(directory, name);
    if (present === undefined) return;
    const isDirectory = isType(present, fileTypes.directory);
    if (this.#options.noOverwriteDirNonDir && isDirectory !== (entry.type === 'directory')) {
      const [is, would] = isDirectory ? ['directory', 'non-directory'] : ['non-directory', 'directory'];
      const shown = JSON.stringify(entry.path.replace(/\/+$/, ''));
      throw fail('internal', `cannot overwrite ${is} ${shown} with ${would} ${JSON.stringify(this.#shownTop)}`);
    }
    if (isDirectory && this.#options.isBrief === true && !isEmpty(directory, name)) throw new LeavesRoot(entry.path);
    try {
      removeTreeAt(directory, name);
    } catch (error) {
      if (error instanceof SystemCallError && error.errno === busy) {
        throw fail('internal', `RemoveAll ${entry.path}: device or resource busy`, error);
      }
      throw error;
    }
  }

  /**
   * In the order in which nothing undoes what was set before: a change of owner drops set-user-id bits and capabilities. What is
   * as it should be already is let be: each change is a transaction of the file system, and most files need none.
   */
  #setAttributes(descriptor: number, entry: TarEntry): void {
    const { uid, gid } = this.#options.owner ?? entry;
    const stat = statAt(descriptor);
    const isOwned = stat?.uid === uid && stat.gid === gid;
    if (!isOwned) setOwnerAt(descriptor, '', uid, gid);
    for (const [key, value] of entry.xattrs) {
      if (!key.startsWith('trusted.overlay.')) setXattrOf(descriptor, key, value);
    }
    if (!isOwned || (stat.mode & 0o7777) !== entry.mode) fchmodSync(descriptor, entry.mode);
  }

  /** The same for what cannot be opened: links, devices, FIFOs. */
  #setPlaceAttributes(directory: number, name: string, entry: TarEntry): void {
    const { uid, gid } = this.#options.owner ?? entry;
    const place = tryOpenPlace(directory, name);
    if (place < 0) throw new SystemCallError('lchown', -place, entry.path);
    try {
      setOwnerAt(place, '', uid, gid);
      const stat = statAt(place);
      if (stat !== undefined && !isType(stat, fileTypes.symlink)) chmodSync(`/proc/self/fd/${place}`, entry.mode);
    } finally {
      closeSync(place);
    }
    setTimeAt(directory, name, entry.modifiedSeconds, entry.modifiedNanoseconds);
  }
}

function isEmpty(directory: number, name: string): boolean {
  const descriptor = openDirectoryAt(directory, name);
  try {
    return readEntries(descriptor).length === 0;
  } finally {
    closeSync(descriptor);
  }
}
