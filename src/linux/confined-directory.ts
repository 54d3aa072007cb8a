import { closeSync, fchmodSync, constants as fsConstants, lstatSync, openSync, readdirSync, type Stats } from 'node:fs';
import { check, hasCode, lastErrno, libc, SystemCallError } from './errno.ts';
import { setOwnerAt, setTimeOf, statAt } from './file-tree.ts';
import { removeTreeAt } from './remove-tree.ts';

const openat2Number = 437n;
const resolveNoMagicLinks = 0x02n;
const resolveInRoot = 0x10n;
const pathOnly = 0o10000000;
const closeOnExec = 0o2000000;
const symlinkNoFollow = 0x100;
const nodeTypes = { character: 0o020000, block: 0o060000, fifo: 0o010000 } as const;
/** uid -1 means "leave as it is" to chown(2), so no file can have it. */
const largestOwner = 0xfffffffe;

const library = libc({
  syscall: { args: ['i64', 'i64', 'buffer', 'buffer', 'i64'], returns: 'i64' },
  mkdirat: { args: ['i32', 'buffer', 'u32'], returns: 'i32' },
  mknodat: { args: ['i32', 'buffer', 'u32', 'u64'], returns: 'i32' },
  symlinkat: { args: ['buffer', 'i32', 'buffer'], returns: 'i32' },
  linkat: { args: ['i32', 'buffer', 'i32', 'buffer', 'i32'], returns: 'i32' },
  openat: { args: ['i32', 'buffer', 'i32', 'u32'], returns: 'i32' },
  fchownat: { args: ['i32', 'buffer', 'u32', 'u32', 'i32'], returns: 'i32' },
  fchmodat: { args: ['i32', 'buffer', 'u32', 'i32'], returns: 'i32' },
  utimensat: { args: ['i32', 'buffer', 'buffer', 'i32'], returns: 'i32' },
  lsetxattr: { args: ['buffer', 'buffer', 'buffer', 'u64', 'i32'], returns: 'i32' },
});

/** Mode (permission bits), owner, extended attributes and time of change. */
export interface FileAttributes {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly xattrs: ReadonlyMap<string, Buffer>;
  readonly modifiedSeconds: number;
  readonly modifiedNanoseconds: number;
}

interface Place {
  readonly parent: number;
  readonly name: Buffer;
}

/** The kernel would stop at a NUL: `..\0x` would pass for a name, and be the directory above. */
function bytes(text: string): Buffer {
  if (text.includes('\0')) throw new SystemCallError('openat', 22, JSON.stringify(text));
  return Buffer.from(`${text}\0`, 'latin1');
}

/** Resolves `.` and `..` as text; above the root there is nothing, as in a chroot. */
function components(path: string): string[] {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts;
}

function deviceNumber(major: number, minor: number): bigint {
  const [high, low] = [BigInt(major), BigInt(minor)];
  return ((high & 0xfffff000n) << 32n) | ((high & 0xfffn) << 8n) | ((low & 0xffffff00n) << 12n) | (low & 0xffn);
}

/** What a tree occupies: the sizes of its files and symbolic links, of hard-linked ones only with the last link. */
function sizeOf(path: Buffer, stats: Stats): number {
  if (!stats.isDirectory()) return (stats.isFile() || stats.isSymbolicLink()) && stats.nlink === 1 ? stats.size : 0;
  let total = 0;
  for (const name of readdirSync(path, { encoding: 'buffer' })) {
    const below = Buffer.concat([path, Buffer.from('/'), name]);
    total += sizeOf(below, lstatSync(below));
  }
  return total;
}

/**
 * A directory out of which nothing leads. Paths are byte strings (`latin1`) relative to it; symbolic links on the way are
 * resolved as if it were the root of the file system (openat2(2), RESOLVE_IN_ROOT), and the last component is never
 * followed. For writing what strangers have packed. Throws `SystemCallError`.
 */
export class ConfinedDirectory implements Disposable {
  readonly #root: number;
  #lastParent: { path: string; descriptor: number } | undefined;
  /** Bytes of what was replaced on the way. */
  replacedBytes = 0;

  constructor(directory: string) {
    this.#root = openSync(directory, pathOnly | fsConstants.O_DIRECTORY);
  }

  [Symbol.dispose](): void {
    this.#forgetParent();
    closeSync(this.#root);
  }

  /** Makes a directory, or keeps the one that is there; a whiteout that it replaced is told of. */
  makeDirectory(path: string): 'made' | 'kept' | 'replaced whiteout' {
    const place = this.#place(path);
    if (place === undefined) return 'kept';
    const present = this.lookUp(path);
    if (present?.isDirectory()) return 'kept';
    const isWhiteout = present?.isCharacterDevice() === true && present.rdev === 0;
    this.#replace('mkdirat', place, () => library().mkdirat(place.parent, place.name, 0o700), path);
    return isWhiteout ? 'replaced whiteout' : 'made';
  }

  /** Makes a new empty file, open for writing; whatever had its name is gone. The process's umask takes bits from `mode`. */
  createFile(path: string, mode = 0o600): number {
    const place = this.#required(path);
    const flags =
      fsConstants.O_WRONLY | fsConstants.O_CREAT | fsConstants.O_EXCL | fsConstants.O_NOFOLLOW | closeOnExec;
    return this.#replace('openat', place, () => library().openat(place.parent, place.name, flags, mode & 0o777), path);
  }

  makeSymbolicLink(path: string, target: string): void {
    const place = this.#required(path);
    const text = bytes(target);
    this.#replace('symlinkat', place, () => library().symlinkat(text, place.parent, place.name), path);
  }

  /** Makes `path` another name of `target`, which is looked up in this directory too. */
  makeHardLink(path: string, target: string): void {
    const parts = components(target);
    const name = parts.pop();
    if (name === undefined) throw new SystemCallError('linkat', 1, target);
    if (components(path).join('/') === [...parts, name].join('/')) return;
    const from = check('openat2', this.#openDirectory(parts.join('/')), target);
    try {
      const source = bytes(name);
      const place = this.#required(path);
      this.#replace('linkat', place, () => library().linkat(from, source, place.parent, place.name, 0), path);
    } finally {
      closeSync(from);
    }
  }

  /** Makes a device or a FIFO. */
  makeNode(path: string, type: keyof typeof nodeTypes, major = 0, minor = 0): void {
    const place = this.#required(path);
    const device = type === 'fifo' ? 0n : deviceNumber(major, minor);
    this.#replace('mknodat', place, () => library().mknodat(place.parent, place.name, nodeTypes[type], device), path);
  }

  /** Removes what is at `path`, with all that is below it; no error when nothing is. */
  remove(path: string): void {
    const { parent, name } = this.#required(path);
    removeTreeAt(parent, name.toString('latin1', 0, name.length - 1));
  }

  /** What is at `path`, of a symbolic link itself; undefined when nothing is. */
  lookUp(path: string): Stats | undefined {
    return lstatSync(this.#pathOf(path), { throwIfNoEntry: false });
  }

  /** Sets an extended attribute; false when the file system has no such attributes. */
  setXattr(path: string, name: string, value: Buffer): boolean {
    const target = Buffer.concat([this.#pathOf(path), Buffer.of(0)]);
    // An empty buffer has no address that could be handed over.
    const memory = value.length === 0 ? Buffer.alloc(1) : value;
    if (library().lsetxattr(target, bytes(name), memory, value.length, 0) === 0) return true;
    const error = new SystemCallError('lsetxattr', lastErrno(), name);
    if (hasCode(error, 'ENOTSUP') || hasCode(error, 'EOPNOTSUPP')) return false;
    throw error;
  }

  /**
   * Sets everything at once, in the order in which nothing undoes what was set before: a change of owner drops set-user-id
   * bits and file capabilities, a change of anything sets the time. Symbolic links have no mode.
   */
  setAttributes(path: string, attributes: FileAttributes, isSymbolicLink = false): void {
    const { mode, uid, gid, xattrs } = attributes;
    const { parent, name } = this.#place(path) ?? { parent: this.#root, name: bytes('.') };
    if (uid < 0 || uid > largestOwner || gid < 0 || gid > largestOwner) throw new SystemCallError('fchownat', 22, path);
    check('fchownat', library().fchownat(parent, name, uid, gid, symlinkNoFollow), path);
    for (const [key, value] of xattrs) this.setXattr(path, key, value);
    // Whoever writes here too may have put a link in its place meanwhile, which leads where it likes.
    if (!isSymbolicLink) check('fchmodat', library().fchmodat(parent, name, mode, symlinkNoFollow), path);
    this.setTime(path, attributes);
  }

  /**
   * The same for a file that is open and has all its contents. What is as it should be already is let be: each change is one
   * more of the file system's own records, and most files need none but their time.
   */
  setFileAttributes(descriptor: number, path: string, attributes: FileAttributes): void {
    const { mode, uid, gid, xattrs, modifiedSeconds, modifiedNanoseconds } = attributes;
    const stat = statAt(descriptor);
    const isOwned = stat?.uid === uid && stat.gid === gid;
    if (!isOwned) setOwnerAt(descriptor, '', uid, gid);
    for (const [key, value] of xattrs) this.setXattr(path, key, value);
    if (!isOwned || (stat.mode & 0o7777) !== mode) fchmodSync(descriptor, mode);
    setTimeOf(descriptor, modifiedSeconds, modifiedNanoseconds);
  }

  /** Sets the times of access and of change. */
  setTime(path: string, time: Pick<FileAttributes, 'modifiedSeconds' | 'modifiedNanoseconds'>): void {
    const { parent, name } = this.#place(path) ?? { parent: this.#root, name: bytes('.') };
    const times = Buffer.alloc(32);
    for (const offset of [0, 16]) {
      times.writeBigInt64LE(BigInt(time.modifiedSeconds), offset);
      times.writeBigInt64LE(BigInt(time.modifiedNanoseconds), offset + 8);
    }
    check('utimensat', library().utimensat(parent, name, times, symlinkNoFollow), path);
  }

  /** Descriptor or negative; errno says why. */
  #openDirectory(path: string): number {
    const how = Buffer.alloc(24);
    how.writeBigUInt64LE(BigInt(pathOnly | fsConstants.O_DIRECTORY | closeOnExec), 0);
    how.writeBigUInt64LE(resolveInRoot | resolveNoMagicLinks, 16);
    const name = bytes(path === '' ? '.' : path);
    return Number(library().syscall(openat2Number, BigInt(this.#root), name, how, BigInt(how.length)));
  }

  /** The directory at `path`, made with what is missing above it. */
  #parent(parts: readonly string[]): number {
    const path = parts.join('/');
    if (this.#lastParent?.path === path) return this.#lastParent.descriptor;
    let descriptor = this.#openDirectory(path);
    if (descriptor < 0) {
      const error = new SystemCallError('openat2', lastErrno(), path);
      if (!hasCode(error, 'ENOENT')) throw error;
      this.#makeMissing(parts);
      descriptor = check('openat2', this.#openDirectory(path), path);
    }
    this.#forgetParent();
    this.#lastParent = { path, descriptor };
    return descriptor;
  }

  #makeMissing(parts: readonly string[]): void {
    const above = this.#parent(parts.slice(0, -1));
    const name = bytes(parts.at(-1) ?? '.');
    check('mkdirat', library().mkdirat(above, name, 0o755), parts.join('/'));
    check('fchmodat', library().fchmodat(above, name, 0o755, symlinkNoFollow), parts.join('/'));
  }

  #place(path: string): Place | undefined {
    const parts = components(path);
    const name = parts.pop();
    return name === undefined ? undefined : { parent: this.#parent(parts), name: bytes(name) };
  }

  #required(path: string): Place {
    const place = this.#place(path);
    // The directory itself stays one.
    if (place === undefined) throw new SystemCallError('openat', 21, path);
    return place;
  }

  /** A path of the same file through the open parent: for calls that take no descriptor. */
  #pathOf(path: string): Buffer {
    const { parent, name } = this.#place(path) ?? { parent: this.#root, name: bytes('.') };
    return Buffer.concat([Buffer.from(`/proc/self/fd/${parent}/`), name.subarray(0, -1)]);
  }

  /** Runs `make`; when something has the name already, removes it and tries again. */
  #replace(systemCall: string, place: Place, make: () => number, path: string): number {
    const result = make();
    if (result >= 0) return result;
    const error = new SystemCallError(systemCall, lastErrno(), path);
    if (!hasCode(error, 'EEXIST')) throw error;
    const present = this.#pathOf(path);
    this.replacedBytes += sizeOf(present, lstatSync(present));
    removeTreeAt(place.parent, place.name.toString('latin1', 0, place.name.length - 1));
    return check(systemCall, make(), path);
  }

  #forgetParent(): void {
    if (this.#lastParent !== undefined) closeSync(this.#lastParent.descriptor);
    this.#lastParent = undefined;
  }
}
