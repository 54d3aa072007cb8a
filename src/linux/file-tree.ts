import { constants as fsConstants } from 'node:fs';
import { check, hasCode, lastErrno, libc, SystemCallError } from './errno.ts';

/** How a file that somebody else made is opened to be read: no link is followed, and a FIFO is not waited for. */
export const readFlags = fsConstants.O_RDONLY | fsConstants.O_NOFOLLOW | fsConstants.O_NONBLOCK;

const closeOnExec = 0o2000000;
const pathOnly = 0o10000000;
const emptyPath = 0x1000;
const symlinkNoFollow = 0x100;
const removeDirectory = 0x200;
const basicStatistics = 0x7ff;
const noEntry = 2;
const exists = 17;
const linkLimitBytes = 4096;
const largestOwner = 0xfffffffe;

const library = libc({
  openat: { args: ['i32', 'buffer', 'i32', 'u32'], returns: 'i32' },
  statx: { args: ['i32', 'buffer', 'i32', 'u32', 'buffer'], returns: 'i32' },
  getdents64: { args: ['i32', 'buffer', 'u64'], returns: 'i32' },
  readlinkat: { args: ['i32', 'buffer', 'buffer', 'u64'], returns: 'i32' },
  mkdirat: { args: ['i32', 'buffer', 'u32'], returns: 'i32' },
  mknodat: { args: ['i32', 'buffer', 'u32', 'u64'], returns: 'i32' },
  symlinkat: { args: ['buffer', 'i32', 'buffer'], returns: 'i32' },
  linkat: { args: ['i32', 'buffer', 'i32', 'buffer', 'i32'], returns: 'i32' },
  unlinkat: { args: ['i32', 'buffer', 'i32'], returns: 'i32' },
  fchownat: { args: ['i32', 'buffer', 'u32', 'u32', 'i32'], returns: 'i32' },
  fgetxattr: { args: ['i32', 'buffer', 'buffer', 'u64'], returns: 'i32' },
  flistxattr: { args: ['i32', 'buffer', 'u64'], returns: 'i32' },
  fsetxattr: { args: ['i32', 'buffer', 'buffer', 'u64', 'i32'], returns: 'i32' },
  futimens: { args: ['i32', 'buffer'], returns: 'i32' },
  utimensat: { args: ['i32', 'buffer', 'buffer', 'i32'], returns: 'i32' },
});

/** Bits of the mode that tell what a file is, and their values (inode(7)). */
export const fileTypes = {
  mask: 0o170000,
  fifo: 0o010000,
  character: 0o020000,
  directory: 0o040000,
  block: 0o060000,
  file: 0o100000,
  symlink: 0o120000,
  socket: 0o140000,
} as const;

/** What statx(2) says of a file. */
export interface FileStat {
  /** Type and permissions. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly links: number;
  /** Names the inode on this host. */
  readonly inodeLow: number;
  readonly inodeHigh: number;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  readonly sizeBytes: number;
  readonly modifiedSeconds: number;
  readonly modifiedNanoseconds: number;
  /** Of a device node: which device it is. */
  readonly nodeMajor: number;
  readonly nodeMinor: number;
}

/** A name in a directory, as a byte string (`latin1`), with its type in the terms of `fileTypes`; 0 when it is not known. */
export interface DirectoryEntry {
  readonly name: string;
  readonly type: number;
}

const emptyName = Buffer.of(0);

/** One name or path for the kernel. Two for one call must not share the buffer. */
function bytes(text: string): Buffer {
  return Buffer.from(`${text}\0`, 'latin1');
}

/**
 * openat(2), close-on-exec. Returns the descriptor, or a negative errno: what is missing is no exception here, for it is
 * asked for often.
 */
export function tryOpenAt(directory: number, name: string, flags: number, mode = 0): number {
  const descriptor = library().openat(directory, bytes(name), flags | closeOnExec, mode);
  return descriptor >= 0 ? descriptor : -lastErrno();
}

/** The same; throws `SystemCallError`. */
export function openAt(directory: number, name: string, flags: number, mode = 0): number {
  const descriptor = tryOpenAt(directory, name, flags, mode);
  if (descriptor < 0) throw new SystemCallError('openat', -descriptor, name);
  return descriptor;
}

/** A handle on a file that neither reads nor follows it: O_PATH, O_NOFOLLOW. Returns a negative errno when it fails. */
export function tryOpenPlace(directory: number, name: string): number {
  return tryOpenAt(directory, name, pathOnly | fsConstants.O_NOFOLLOW);
}

/** Opens what a handle stands for, which nobody can have replaced since. Returns a negative errno when it fails. */
export function tryOpenPlaceAgain(place: number, flags: number): number {
  return tryOpenAt(-100, `/proc/self/fd/${place}`, flags);
}

/** Opens a directory for reading; a symbolic link is none. Throws `SystemCallError`. */
export function openDirectoryAt(directory: number, name: string): number {
  return openAt(directory, name, fsConstants.O_RDONLY | fsConstants.O_DIRECTORY | fsConstants.O_NOFOLLOW);
}

const statMemory = new ArrayBuffer(256);
const statBytes = Buffer.from(statMemory);
const statWords = new Uint32Array(statMemory);
const statHalves = new Uint16Array(statMemory);
const signedWords = new Int32Array(statMemory);
const highWord = 2 ** 32;

/**
 * What a descriptor (with an empty name) or a name in a directory stands for, of a symbolic link itself. Undefined when there
 * is no such name; throws `SystemCallError`.
 */
export function statAt(directory: number, name = ''): FileStat | undefined {
  const target = name === '' ? emptyName : bytes(name);
  if (library().statx(directory, target, symlinkNoFollow | emptyPath, basicStatistics, statBytes) !== 0) {
    const errno = lastErrno();
    if (errno === noEntry) return undefined;
    throw new SystemCallError('lstat', errno, name);
  }
  const word = (offset: number): number => statWords[offset >> 2] ?? 0;
  return {
    links: word(16),
    uid: word(20),
    gid: word(24),
    mode: statHalves[14] ?? 0,
    inodeLow: word(32),
    inodeHigh: word(36),
    sizeBytes: word(40) + word(44) * highWord,
    modifiedSeconds: word(112) + (signedWords[29] ?? 0) * highWord,
    modifiedNanoseconds: word(120),
    nodeMajor: word(128),
    nodeMinor: word(132),
    deviceMajor: word(136),
    deviceMinor: word(140),
  };
}

/** Names a file apart from all its names: equal for two links of one. */
export function inodeOf({ deviceMajor, deviceMinor, inodeHigh, inodeLow }: FileStat): string {
  return `${deviceMajor}:${deviceMinor}:${inodeHigh}:${inodeLow}`;
}

/** Whether two answers are of one file. */
export function isSameFile(one: FileStat, other: FileStat): boolean {
  return (
    one.inodeLow === other.inodeLow &&
    one.inodeHigh === other.inodeHigh &&
    one.deviceMajor === other.deviceMajor &&
    one.deviceMinor === other.deviceMinor
  );
}

const entriesBuffer = Buffer.allocUnsafe(64 * 1024);

/** All names of a directory that is open for reading, from where its last reading ended; `.` and `..` left out. */
export function readEntries(directory: number): DirectoryEntry[] {
  const entries: DirectoryEntry[] = [];
  for (;;) {
    const count = check('getdents64', library().getdents64(directory, entriesBuffer, entriesBuffer.length));
    if (count === 0) return entries;
    for (let offset = 0; offset < count; ) {
      const length = entriesBuffer.readUInt16LE(offset + 16);
      const name = entriesBuffer.toString('latin1', offset + 19, entriesBuffer.indexOf(0, offset + 19));
      if (name !== '.' && name !== '..') entries.push({ name, type: (entriesBuffer[offset + 18] ?? 0) << 12 });
      offset += length;
    }
  }
}

const linkBuffer = Buffer.allocUnsafe(linkLimitBytes);

/** Target of a symbolic link, given by a handle on it (with an empty name) or by its name; a byte string. */
export function readLinkAt(directory: number, name = ''): string {
  const target = name === '' ? emptyName : bytes(name);
  const count = check('readlink', library().readlinkat(directory, target, linkBuffer, linkLimitBytes), name);
  return linkBuffer.toString('latin1', 0, count);
}

/** Makes a directory; false when something has the name already. */
export function makeDirectoryAt(directory: number, name: string, mode: number): boolean {
  return made('mkdir', library().mkdirat(directory, bytes(name), mode), name);
}

/** Makes a symbolic link; false when something has the name already. */
export function makeSymbolicLinkAt(directory: number, name: string, target: string): boolean {
  return made('symlink', library().symlinkat(bytes(target), directory, bytes(name)), name);
}

/** Gives a file another name; a symbolic link is not followed. False when something has the name already. */
export function makeHardLinkAt(from: number, source: string, directory: number, name: string): boolean {
  return made('link', library().linkat(from, bytes(source), directory, bytes(name), 0), name);
}

/** Makes a device or a FIFO; `type` is one of `fileTypes`. False when something has the name already. */
export function makeNodeAt(directory: number, name: string, type: number, major: number, minor: number): boolean {
  const [high, low] = [BigInt(major), BigInt(minor)];
  const device = ((high & 0xfffff000n) << 32n) | ((high & 0xfffn) << 8n) | ((low & 0xffffff00n) << 12n) | (low & 0xffn);
  return made('mknod', library().mknodat(directory, bytes(name), type | 0o600, device), name);
}

function made(systemCall: string, result: number, name: string): boolean {
  if (result === 0) return true;
  const errno = lastErrno();
  if (errno === exists) return false;
  throw new SystemCallError(systemCall, errno, name);
}

/** Removes a name; of a directory only when it is empty and `isDirectory`. False when there is none. */
export function removeAt(directory: number, name: string, isDirectory: boolean): boolean {
  if (library().unlinkat(directory, bytes(name), isDirectory ? removeDirectory : 0) === 0) return true;
  const errno = lastErrno();
  if (errno === noEntry) return false;
  throw new SystemCallError('unlinkat', errno, name);
}

/** Sets the owner of what a descriptor (with an empty name) or a name stands for, of a symbolic link itself. */
export function setOwnerAt(directory: number, name: string, uid: number, gid: number): void {
  const target = name === '' ? emptyName : bytes(name);
  // -1 means "leave as it is" to chown(2), so no file can have it; larger ones would be cut to 32 bits.
  if (uid < 0 || uid > largestOwner || gid < 0 || gid > largestOwner) throw new SystemCallError('lchown', 22, name);
  check('lchown', library().fchownat(directory, target, uid, gid, symlinkNoFollow | emptyPath), name);
}

const timesMemory = new BigInt64Array(4);
const timesBytes = Buffer.from(timesMemory.buffer);

function fillTimes(seconds: number, nanoseconds: number): void {
  timesMemory[0] = timesMemory[2] = BigInt(seconds);
  timesMemory[1] = timesMemory[3] = BigInt(nanoseconds);
}

/** Sets the times of access and of change of an open file. */
export function setTimeOf(descriptor: number, seconds: number, nanoseconds: number): void {
  fillTimes(seconds, nanoseconds);
  check('futimens', library().futimens(descriptor, timesBytes));
}

/** The same of a name, of a symbolic link itself. */
export function setTimeAt(directory: number, name: string, seconds: number, nanoseconds: number): void {
  fillTimes(seconds, nanoseconds);
  check('utimensat', library().utimensat(directory, bytes(name), timesBytes, symlinkNoFollow), name);
}

const xattrBuffer = Buffer.allocUnsafe(64 * 1024);

/** An extended attribute of an open file; undefined when it has none of that name, or its file system has none at all. */
export function readXattrOf(descriptor: number, name: string): Buffer | undefined {
  const count = library().fgetxattr(descriptor, bytes(name), xattrBuffer, xattrBuffer.length);
  return count < 0 ? undefined : Buffer.from(xattrBuffer.subarray(0, count));
}

/** Names of an open file's extended attributes; none where its file system knows no such thing. */
export function listXattrsOf(descriptor: number): string[] {
  const count = library().flistxattr(descriptor, xattrBuffer, xattrBuffer.length);
  return count <= 0 ? [] : xattrBuffer.toString('latin1', 0, count).split('\0').filter(Boolean);
}

/** Sets an extended attribute of an open file; false when its file system knows no such thing, or does not let us. */
export function setXattrOf(descriptor: number, name: string, value: Buffer): boolean {
  // An empty buffer has no address that could be handed over.
  const memory = value.length === 0 ? emptyName : value;
  if (library().fsetxattr(descriptor, bytes(name), memory, value.length, 0) === 0) return true;
  const error = new SystemCallError('fsetxattr', lastErrno(), name);
  if (hasCode(error, 'ENOTSUP') || hasCode(error, 'EOPNOTSUPP') || hasCode(error, 'EPERM')) return false;
  throw error;
}
