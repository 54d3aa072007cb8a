import { closeSync, constants as fsConstants, openSync } from 'node:fs';
import { SystemCallError } from '#linux/errno';
import {
  type FileStat,
  fileTypes,
  makeDirectoryAt,
  openAt,
  readLinkAt,
  statAt,
  tryOpenAt,
  tryOpenPlace,
} from '#linux/file-tree';
import { SourceRoots } from './source-roots.ts';

const pathOnly = 0o10000000;
/** As many symbolic links as Linux follows in one path. */
const linksLimit = 40;
/** Steps of one walk: with links that lead up and down each again, a few of them make millions. */
const stepsLimit = 20_000;
/** More than that takes too long for the engine itself. */
const briefSteps = 500;
const noEntry = 2;
const notDirectory = 20;
const tooManyLinks = 40;

/** Something mounted into a container. Paths are byte strings (`latin1`). */
export interface ViewMount {
  /** Absolute, in the container. */
  readonly destination: string;
  /** On the host: a directory or a file. */
  readonly source: string;
  /** When given, `source` is a path in the file system of the process whose root is here. */
  readonly sourceRoot?: string;
  /** See `RootedSource`. */
  readonly sourceOwner?: string;
  readonly readOnly: boolean;
  /** On a file system of the engine's own, which does not hang. */
  readonly isLocal?: boolean;
}

/** What a container's files are made of. */
export interface ViewRequest {
  /** Its overlay, mounted. */
  readonly root: string;
  readonly mounts: readonly ViewMount[];
  readonly readOnlyRoot: boolean;
  /** It may never have run: directories above the places of mounts are made where they are missing. */
  readonly makesPlaces?: boolean;
}

/** A file of a view, itself and not what it may link to. Its descriptor is only a handle (O_PATH); whoever got it closes it. */
export interface Place {
  readonly descriptor: number;
  readonly stat: FileStat;
  /** Where it is, from the root, all links resolved. */
  readonly names: readonly string[];
}

/** Thrown where the way leads into something that may hang, and the caller must not. */
export class LeavesRoot extends Error {
  override readonly name = 'LeavesRoot';
}

/** Whether a file is of one of `fileTypes`. */
export function isType(stat: FileStat, type: number): boolean {
  return (stat.mode & fileTypes.mask) === type;
}

/** The components of a path, without those that say nothing. */
export function componentsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}

/** Resolves `..` as text; above the root there is nothing. */
export function cleanPath(path: string): string[] {
  const parts: string[] = [];
  for (const part of componentsOf(path)) {
    if (part === '..') parts.pop();
    else parts.push(part);
  }
  return parts;
}

function key(names: readonly string[], name: string): string {
  return names.length === 0 ? `/${name}` : `/${names.join('/')}/${name}`;
}

function missing(systemCall: string, errno: number, path: string): SystemCallError {
  return new SystemCallError(systemCall, errno, path);
}

/**
 * A container's files as its processes see them: its overlay, and in it what is mounted there. Nothing is mounted for it: each
 * component of a path is opened alone, relative to a descriptor and without following links, which are resolved here. So no
 * link or `..`, and no process of the container that moves things about meanwhile, leads out of it. With `stayOnRoot` it throws
 * `LeavesRoot` rather than enter a mount that might hang. Failures are `SystemCallError`s.
 */
export class ContainerView implements Disposable {
  readonly #root: number;
  readonly #mounts = new Map<string, ViewMount>();
  readonly #readOnlyRoot: boolean;
  readonly #stayOnRoot: boolean;
  readonly #sourceRoots = new SourceRoots();
  /** Of the present walk. */
  #steps = 0;

  constructor(request: ViewRequest, options: { stayOnRoot?: boolean } = {}) {
    this.#readOnlyRoot = request.readOnlyRoot;
    this.#stayOnRoot = options.stayOnRoot ?? false;
    this.#root = openSync(request.root, pathOnly | fsConstants.O_DIRECTORY);
    try {
      const byDepth = request.mounts.toSorted((one, other) => one.destination.length - other.destination.length);
      const makesPlaces = request.makesPlaces === true && !this.#stayOnRoot;
      for (const mount of byDepth) this.#addMount(mount, makesPlaces);
    } catch (error) {
      closeSync(this.#root);
      throw error;
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#root);
    this.#sourceRoots[Symbol.dispose]();
  }

  /** Whether something is mounted in it. */
  get hasMounts(): boolean {
    return this.#mounts.size > 0;
  }

  /** What is mounted at a name of a directory, if anything is. */
  mountAt(names: readonly string[], name: string): ViewMount | undefined {
    return this.#mounts.size === 0 ? undefined : this.#mounts.get(key(names, name));
  }

  /** Whether the file there may not be written, as a container's own mounts say. */
  writeRefusal(names: readonly string[]): 'volume' | 'root' | undefined {
    for (let length = names.length; length > 0 && this.#mounts.size > 0; length -= 1) {
      const mount = this.mountAt(names.slice(0, length - 1), names[length - 1] ?? '');
      if (mount !== undefined) return mount.readOnly ? 'volume' : undefined;
    }
    return this.#readOnlyRoot ? 'root' : undefined;
  }

  /** The file at a path; its last component is followed when it is a link and `follow`, or a slash comes after it. */
  lookUp(path: string, follow: boolean): Place {
    const isDirectory = /\/\.?$/.test(path);
    const place = this.#walk(this.#rootPlace(), componentsOf(path), { follow: follow || isDirectory, path });
    if (isDirectory && !isType(place.stat, fileTypes.directory)) {
      closeSync(place.descriptor);
      throw missing('lstat', notDirectory, path);
    }
    return place;
  }

  /**
   * Goes on from a directory, which stays open, by components of a path; all links are followed. With `make`, directories that
   * are not there are made, where the container may write or `always`.
   */
  descend(from: Place, components: readonly string[], make: boolean | 'always'): Place {
    const copy = { ...from, descriptor: openAt(from.descriptor, '.', pathOnly | fsConstants.O_DIRECTORY) };
    return this.#walk(copy, components, { follow: true, make, path: components.join('/') });
  }

  /** Where a path leads, all links followed as far as there is something to follow. */
  evaluate(path: string): readonly string[] {
    const rest: string[] = [];
    const place = this.#walk(this.#rootPlace(), componentsOf(path), { follow: true, rest, path });
    closeSync(place.descriptor);
    return rest.length === 0 ? place.names : cleanPath([...place.names, ...rest].join('/'));
  }

  #addMount(mount: ViewMount, makesPlace: boolean): void {
    const names = cleanPath(mount.destination);
    const name = names.pop();
    // What is mounted on all of it is not a place in it.
    if (name === undefined) return;
    let parent: readonly string[] = names;
    try {
      if (makesPlace) this.#make(names);
      parent = this.evaluate(names.join('/'));
    } catch (error) {
      if (!(error instanceof LeavesRoot)) throw error;
    }
    this.#mounts.set(key(parent, name), mount);
  }

  #make(names: readonly string[]): void {
    const root = this.#rootPlace();
    try {
      closeSync(this.descend(root, names, 'always').descriptor);
    } finally {
      closeSync(root.descriptor);
    }
  }

  #rootPlace(): Place {
    const descriptor = openAt(this.#root, '.', pathOnly | fsConstants.O_DIRECTORY);
    const stat = statAt(descriptor);
    if (stat === undefined) throw missing('lstat', noEntry, '/');
    return { descriptor, stat, names: [] };
  }

  /** Names in a directory at which something is mounted. */
  mountedIn(names: readonly string[]): string[] {
    const prefix = names.length === 0 ? '/' : `/${names.join('/')}/`;
    return [...this.#mounts.keys()].flatMap((path) => {
      const name = path.startsWith(prefix) ? path.slice(prefix.length) : '';
      return name === '' || name.includes('/') ? [] : [name];
    });
  }

  /** A handle on a name of a directory, the directory being at `names`; or a negative errno. */
  openIn(directory: number, names: readonly string[], name: string): number {
    const mount = this.mountAt(names, name);
    if (mount === undefined) return tryOpenPlace(directory, name);
    if (this.#stayOnRoot && mount.isLocal !== true) throw new LeavesRoot(mount.destination);
    const { sourceRoot } = mount;
    if (sourceRoot !== undefined) return this.#sourceRoots.open({ ...mount, sourceRoot });
    return tryOpenAt(-100, mount.source, pathOnly);
  }

  #child(parent: Place, name: string, how: WalkOptions): Place | undefined {
    this.#steps += 1;
    if (this.#stayOnRoot && this.#steps > briefSteps) throw new LeavesRoot(how.path);
    if (this.#steps > stepsLimit) throw missing('lstat', tooManyLinks, how.path);
    let descriptor = this.openIn(parent.descriptor, parent.names, name);
    if (descriptor === -noEntry && how.make) {
      if (how.make === true && this.writeRefusal(parent.names) !== undefined) throw missing('mkdir', 30, name);
      makeDirectoryAt(parent.descriptor, name, 0o755);
      descriptor = this.openIn(parent.descriptor, parent.names, name);
    }
    if (descriptor === -noEntry) return undefined;
    if (descriptor < 0) throw missing('lstat', -descriptor, how.path);
    const stat = statAt(descriptor);
    if (stat === undefined) {
      closeSync(descriptor);
      return undefined;
    }
    return { descriptor, stat, names: [...parent.names, name] };
  }

  /** From the root by names that are no links. */
  #reopen(names: readonly string[], how: WalkOptions): Place {
    let place = this.#rootPlace();
    for (const name of names) {
      let child: Place | undefined;
      try {
        child = this.#child(place, name, { follow: false, path: how.path });
      } finally {
        closeSync(place.descriptor);
      }
      if (child === undefined) throw missing('lstat', noEntry, how.path);
      place = child;
    }
    return place;
  }

  #walk(start: Place, components: readonly string[], how: WalkOptions): Place {
    let place = start;
    let links = 0;
    this.#steps = 0;
    const pending = components.toReversed();
    try {
      for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
        if (!isType(place.stat, fileTypes.directory)) throw missing('lstat', notDirectory, how.path);
        let next: Place | undefined;
        if (name === '..') next = this.#reopen(place.names.slice(0, -1), how);
        else next = this.#child(place, name, how);
        if (next === undefined) {
          if (how.rest === undefined) throw missing('lstat', noEntry, how.path);
          how.rest.push(name, ...pending.toReversed());
          return place;
        }
        if (isType(next.stat, fileTypes.symlink) && (how.follow || pending.length > 0)) {
          links += 1;
          const target = links > linksLimit ? undefined : readLinkAt(next.descriptor);
          closeSync(next.descriptor);
          if (target === undefined) throw missing('lstat', tooManyLinks, how.path);
          pending.push(...componentsOf(target).toReversed());
          if (!target.startsWith('/')) continue;
          next = this.#rootPlace();
        }
        closeSync(place.descriptor);
        place = next;
      }
      return place;
    } catch (error) {
      closeSync(place.descriptor);
      throw error;
    }
  }
}

interface WalkOptions {
  readonly follow: boolean;
  readonly make?: boolean | 'always';
  /** What errors call it. */
  readonly path: string;
  /** Takes up the components behind the first that is not there; without it that is an error. */
  readonly rest?: string[];
}
