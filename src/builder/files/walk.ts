import { type FileStat, fileTypes } from '#linux/file-tree';
import { fail } from '#std/errors';

/** As many symbolic links on one way as BuildKit follows. */
const linksLimit = 255;

/** A directory of a tree that is looked at by names. Names and paths are byte strings (`latin1`). */
export interface TreeDirectory<T> {
  /** Of a symbolic link itself; undefined when there is no such name. */
  stat(name: string): FileStat | undefined;
  readLink(name: string): string;
  /** The directory of that name, which must be one. */
  enter(name: string): T;
  close(): void;
}

/** Whether a file is of one of `fileTypes`. */
export function isType(stat: FileStat, type: number): boolean {
  return (stat.mode & fileTypes.mask) === type;
}

/** The components of a path; `..` is taken as text, and above the root there is nothing. */
export function cleanPath(path: string): string[] {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts;
}

/** A path as the byte string that the kernel knows. */
export function bytesOf(text: string): string {
  if (text.includes('\0')) throw fail('invalid-argument', `${JSON.stringify(text)}: invalid argument`);
  return Buffer.from(text).toString('latin1');
}

/** A byte string as people read it. */
export function textOf(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString();
}

/** The error of a system call in Go's words: `lstat /x: not a directory`. */
export function pathError(call: string, names: readonly string[] | string, reason: string) {
  const path = typeof names === 'string' ? names : `/${names.join('/')}`;
  const kind = reason === 'no such file or directory' ? 'not-found' : 'invalid-argument';
  return fail(kind, `${call} ${textOf(path)}: ${reason}`);
}

/**
 * Where a path leads in a tree, symbolic links resolved as if the tree's root were that of the file system: to a directory, to a
 * file in it, or to names that are not there. Disposing it closes the directories on the way, save the root.
 */
export class Way<T extends TreeDirectory<T>> implements Disposable {
  /** Where `directory` is. */
  readonly names: string[] = [];
  readonly #root: T;
  readonly #levels: T[] = [];
  /** What the path ends in where that is no directory. */
  file: { readonly name: string; readonly stat: FileStat } | undefined;
  /** What is not there below `directory`. */
  readonly missing: string[] = [];

  constructor(root: T) {
    this.#root = root;
  }

  /** The last directory that is there. */
  get directory(): T {
    return this.#levels.at(-1) ?? this.#root;
  }

  /** The whole path, resolved. */
  get path(): string[] {
    return [...this.names, ...(this.file === undefined ? this.missing : [this.file.name])];
  }

  [Symbol.dispose](): void {
    for (const level of this.#levels) level.close();
    this.#levels.length = 0;
  }

  down(name: string): void {
    this.#levels.push(this.directory.enter(name));
    this.names.push(name);
  }

  /** Goes down into a directory that was just made, which is taken over. */
  into(name: string, directory: T): void {
    this.#levels.push(directory);
    this.names.push(name);
  }

  up(): void {
    if (this.missing.pop() !== undefined) return;
    this.#levels.pop()?.close();
    this.names.pop();
  }

  toRoot(): void {
    this[Symbol.dispose]();
    this.names.length = 0;
    this.missing.length = 0;
  }
}

/**
 * Follows a path from the root of a tree; a symbolic link at its end only with `followsLast`. A link that leads above the root stays
 * there, or is an error with `refusesEscape`.
 */
export function walk<T extends TreeDirectory<T>>(
  root: T,
  path: readonly string[],
  followsLast: boolean,
  refusesEscape = false,
): Way<T> {
  const way = new Way(root);
  try {
    const pending = path.toReversed();
    let links = 0;
    let lastLink = '';
    for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
      if (name === '' || name === '.') continue;
      if (name === '..') {
        if (refusesEscape && way.path.length === 0) throw pathError('statat', lastLink, 'path escapes from parent');
        way.up();
        continue;
      }
      const stat = way.missing.length > 0 ? undefined : way.directory.stat(name);
      if (stat === undefined) way.missing.push(name);
      else if (isType(stat, fileTypes.directory)) way.down(name);
      else if (isType(stat, fileTypes.symlink) && (followsLast || pending.length > 0)) {
        if (++links > linksLimit) throw pathError('lstat', [...way.names, name], 'too many links');
        const target = way.directory.readLink(name);
        lastLink = [...way.names, name].join('/');
        if (target.startsWith('/')) way.toRoot();
        pending.push(...target.split('/').reverse());
      } else {
        const next = pending.at(-1);
        if (next !== undefined) throw pathError('lstat', [...way.names, name, next], 'not a directory');
        way.file = { name, stat };
      }
    }
    return way;
  } catch (error) {
    way[Symbol.dispose]();
    throw error;
  }
}
