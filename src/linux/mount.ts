import { close, closeSync, constants as fsConstants, openSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { check, lastErrno, libc, SystemCallError } from './errno.ts';

/** Flags of mount(2), by their names in <sys/mount.h> without the prefix. */
export const mountFlags = {
  readOnly: 0x1,
  noSuid: 0x2,
  noDev: 0x4,
  noExec: 0x8,
  synchronous: 0x10,
  remount: 0x20,
  mandatoryLocks: 0x40,
  dirSync: 0x80,
  noAtime: 0x400,
  noDirAtime: 0x800,
  bind: 0x1000,
  move: 0x2000,
  recursive: 0x4000,
  silent: 0x8000,
  unbindable: 1 << 17,
  private: 1 << 18,
  slave: 1 << 19,
  shared: 1 << 20,
  relatime: 1 << 21,
  strictAtime: 1 << 24,
} as const;

/** How mounts below a mount point are shared with other namespaces; an `r` in front takes in all below it. */
export type Propagation =
  | 'private'
  | 'rprivate'
  | 'shared'
  | 'rshared'
  | 'slave'
  | 'rslave'
  | 'unbindable'
  | 'runbindable';

const detach = 2;
const noFollow = 8;
const pathOnly = 0o10000000;
const invalidArgument = 22;
const noEntry = 2;
const currentDirectory = -100;
const symlinkNoFollow = 0x100;
/** What is known already will do: a server that does not answer must not be waited for. */
const dontSync = 0x4000;
const attributeMountRoot = 0x2000n;
const wantMountId = 0x1000;
const mountIdOffset = 144;
/** mount(2) copies one page of options, its terminating zero included. */
const optionsLimitBytes = 4096;
/** What overlayfs takes for separators or escapes in its options. */
const separators = /[:,\\]/;

const library = libc({
  mount: { args: ['buffer', 'buffer', 'buffer', 'u64', 'buffer'], returns: 'i32' },
  umount2: { args: ['buffer', 'i32'], returns: 'i32' },
  statx: { args: ['i32', 'buffer', 'i32', 'u32', 'buffer'], returns: 'i32' },
});

function text(value: string): Buffer {
  if (value.includes('\0')) throw new SystemCallError('mount', invalidArgument, JSON.stringify(value));
  return Buffer.from(`${value}\0`);
}

/** mount(2). `options` is the file system's own option text; throws `SystemCallError`. */
export function mount(request: {
  source?: string;
  target: string;
  type?: string;
  flags?: number;
  options?: string;
}): void {
  const { source = 'none', target, type = 'none', flags = 0, options = '' } = request;
  const optionsText = text(options);
  if (optionsText.length > optionsLimitBytes) throw new SystemCallError('mount', invalidArgument, target);
  check('mount', library().mount(text(source), text(target), text(type), flags, optionsText), target);
}

/**
 * umount2(2). Returns false when `target` is no mount point or does not exist. With `lazy` a busy one is detached now and
 * freed when its last user is gone. A symbolic link as last component is not followed.
 */
export function unmount(target: string, options: { lazy?: boolean } = {}): boolean {
  if (library().umount2(text(target), noFollow | (options.lazy ? detach : 0)) === 0) return true;
  const errno = lastErrno();
  if (errno === invalidArgument || errno === noEntry) return false;
  throw new SystemCallError('umount2', errno, target);
}

/**
 * Takes the mount at `target` out of the tree now, and leaves the rest of the unmount, in which the kernel writes out all
 * that is not yet on disk, to another thread: the promise is done when that is. False when it is no mount point.
 */
export function unmountInBackground(target: string): Promise<void> | false {
  if (!isMountPoint(target)) return false;
  // The last reference to a mount that is detached is this descriptor; who closes it does the work.
  const descriptor = openSync(target, pathOnly | fsConstants.O_DIRECTORY | fsConstants.O_NOFOLLOW);
  try {
    unmount(target, { lazy: true });
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
  return new Promise((resolveClosed, reject) => {
    close(descriptor, (error) => (error ? reject(error) : resolveClosed()));
  });
}

/** Sets the propagation of the mount at `target`. */
export function setPropagation(target: string, propagation: Propagation): void {
  const recursive = propagation.startsWith('r');
  const kind = (recursive ? propagation.slice(1) : propagation) as 'private' | 'shared' | 'slave' | 'unbindable';
  mount({ target, flags: mountFlags[kind] | (recursive ? mountFlags.recursive : 0) });
}

/** Flags that a remount must repeat, by their names in mountinfo: what it leaves out it would take away. */
const keptFlags: Readonly<Record<string, number>> = {
  nosuid: mountFlags.noSuid,
  nodev: mountFlags.noDev,
  noexec: mountFlags.noExec,
  noatime: mountFlags.noAtime,
  relatime: mountFlags.relatime,
};

/** Makes `source` (a file or a directory) appear at `target`, which exists. `recursive` takes mounts below it along. */
export function bindMount(
  source: string,
  target: string,
  options: { recursive?: boolean; readOnly?: boolean; propagation?: Propagation } = {},
): void {
  mount({ source, target, flags: mountFlags.bind | (options.recursive ? mountFlags.recursive : 0) });
  try {
    if (options.readOnly) {
      // The kernel takes `ro` for a bind mount only in a second step.
      const present = readMounts().findLast((entry) => entry.target === resolve(target))?.flags ?? [];
      const kept = present.reduce((flags, name) => flags | (keptFlags[name] ?? 0), 0);
      mount({ target, flags: mountFlags.bind | mountFlags.remount | mountFlags.readOnly | kept });
    }
    if (options.propagation !== undefined) setPropagation(target, options.propagation);
  } catch (error) {
    unmount(target, { lazy: true });
    throw error;
  }
}

/** Mounts an empty tmpfs; `sizeBytes` bounds it, `mode` is that of its root (1777 in octal when not given). */
export function mountTmpfs(
  target: string,
  options: { source?: string; sizeBytes?: number; mode?: number; flags?: number } = {},
): void {
  const parts = [`mode=${(options.mode ?? 0o1777).toString(8)}`];
  if (options.sizeBytes !== undefined) parts.push(`size=${options.sizeBytes}`);
  mount({
    source: options.source ?? 'tmpfs',
    target,
    type: 'tmpfs',
    flags: options.flags ?? mountFlags.noSuid | mountFlags.noDev,
    options: parts.join(','),
  });
}

/** The directories of an overlay mount. Without `upper` and `work` it is read-only. */
export interface OverlayMount {
  readonly target: string;
  /** From the topmost layer to the base. */
  readonly lower: readonly string[];
  readonly upper?: string;
  readonly work?: string;
  /**
   * Never syncs the upper directory, neither for fsync nor at unmount: for a container whose data dies with it. A
   * work directory used so must be emptied before it is mounted again.
   */
  readonly volatile?: boolean;
}

/**
 * `index=off`: the same directories may be mounted again after a crash. `redirect_dir=off` and `metacopy=off`: the upper
 * directory alone tells what has changed, so it can be read as a layer.
 */
function overlayOptions(
  lower: readonly string[],
  upper: string | undefined,
  work: string | undefined,
  volatile = false,
) {
  const parts = [`lowerdir=${lower.join(':')}`];
  if (upper !== undefined && work !== undefined) parts.push(`upperdir=${upper}`, `workdir=${work}`);
  parts.push('index=off', 'redirect_dir=off', 'metacopy=off');
  if (volatile) parts.push('volatile');
  return parts.join(',');
}

/**
 * Mounts an overlay of any number of layers (the kernel's own limit is 500). Where the paths do not fit in one page, or
 * hold a character that overlayfs would take for a separator, directories are named by descriptor, relative to
 * /proc/self/fd: `lowerdir=12:13:14`.
 */
export function mountOverlay(request: OverlayMount): void {
  const { target, lower, upper, work, volatile } = request;
  const options = overlayOptions(lower, upper, work, volatile);
  const plain = [...lower, upper ?? '', work ?? ''].every((path) => !separators.test(path));
  const flags = upper === undefined ? mountFlags.readOnly : 0;
  if (plain && Buffer.byteLength(options) < optionsLimitBytes) {
    mount({ source: 'overlay', target, type: 'overlay', flags, options });
    return;
  }
  const descriptors: number[] = [];
  const open = (path: string): string => {
    const descriptor = openSync(path, fsConstants.O_RDONLY | fsConstants.O_DIRECTORY);
    descriptors.push(descriptor);
    return String(descriptor);
  };
  const absoluteTarget = resolve(target);
  const before = process.cwd();
  try {
    const named = overlayOptions(
      lower.map(open),
      upper === undefined ? undefined : open(upper),
      work === undefined ? undefined : open(work),
      volatile,
    );
    process.chdir('/proc/self/fd');
    mount({ source: 'overlay', target: absoluteTarget, type: 'overlay', flags, options: named });
  } finally {
    process.chdir(before);
    for (const descriptor of descriptors) closeSync(descriptor);
  }
}

/** One line of /proc/self/mountinfo (proc(5)). */
export interface MountEntry {
  readonly id: number;
  readonly parentId: number;
  readonly device: string;
  /** What of the file system is mounted: `/`, or a directory of it for a bind mount. */
  readonly root: string;
  readonly target: string;
  /** Flags of this mount: `rw`, `nosuid`, … */
  readonly flags: readonly string[];
  /** `shared:N`, `master:N`, … */
  readonly propagation: readonly string[];
  readonly type: string;
  readonly source: string;
  /** Options of the file system. */
  readonly options: string;
}

/** Space, tab, newline and backslash are written as octal. */
function unescapeOctal(value: string): string {
  return value.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

function parseMount(line: string): MountEntry {
  const [before = '', after = ''] = line.split(' - ');
  const [id = '', parentId = '', device = '', root = '', target = '', flags = '', ...propagation] = before.split(' ');
  const [type = '', source = '', options = ''] = after.split(' ');
  return {
    id: Number(id),
    parentId: Number(parentId),
    device,
    root: unescapeOctal(root),
    target: unescapeOctal(target),
    flags: flags.split(','),
    propagation,
    type,
    source: unescapeOctal(source),
    options: unescapeOctal(options),
  };
}

/** All mounts of a process's mount namespace, in the order in which they were made. */
export function readMounts(processId: number | 'self' = 'self'): MountEntry[] {
  return readFileSync(`/proc/${processId}/mountinfo`, 'utf8').split('\n').filter(Boolean).map(parseMount);
}

/**
 * The mount that `path`, links followed, is on: one of `mounts` (statx(2), STATX_MNT_ID, Linux 5.8). Undefined when it does
 * not exist. No server is asked.
 */
export function mountOf(path: string, mounts: readonly MountEntry[]): MountEntry | undefined {
  const result = Buffer.alloc(256);
  if (library().statx(currentDirectory, text(path), dontSync, wantMountId, result) !== 0) {
    const errno = lastErrno();
    if (errno === noEntry) return undefined;
    throw new SystemCallError('statx', errno, path);
  }
  const id = Number(result.readBigUInt64LE(mountIdOffset));
  return mounts.find((entry) => entry.id === id);
}

/** Whether `path` is the root of a mount (statx(2), STATX_ATTR_MOUNT_ROOT); false when it does not exist. */
export function isMountPoint(path: string): boolean {
  const result = Buffer.alloc(256);
  if (library().statx(currentDirectory, text(path), symlinkNoFollow | dontSync, 0, result) === 0) {
    return (result.readBigUInt64LE(8) & attributeMountRoot) !== 0n;
  }
  const errno = lastErrno();
  if (errno === noEntry) return false;
  throw new SystemCallError('statx', errno, path);
}
