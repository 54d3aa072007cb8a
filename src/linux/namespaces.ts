import {
  closeSync,
  constants as fsConstants,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { fail } from '#std/errors';
import { check, hasCode, libc } from './errno.ts';
import { replaceProgram } from './execute.ts';
import { bindMount, type MountEntry, readMounts, setPropagation, unmount } from './mount.ts';
import { onEachProcessor } from './processors.ts';

const newMounts = 0x00020000;
const newNetwork = 0x40000000;
const ownFileSystemState = 0x00000200;
const setDescriptorFlags = 2;
const closeOnExec = 1;

const library = libc({
  unshare: { args: ['i32'], returns: 'i32' },
  setns: { args: ['i32', 'i32'], returns: 'i32' },
  fcntl: { args: ['i32', 'i32', 'i32'], returns: 'i32' },
});

/** Opens a namespace for `setns`; close it with `closeSync`. */
function openNamespace(path: string): number {
  return openSync(path, fsConstants.O_RDONLY);
}

function setNamespace(descriptor: number, kind: number, subject: string): void {
  check('setns', library().setns(descriptor, kind), subject);
}

function makeFile(path: string): void {
  closeSync(openSync(path, fsConstants.O_WRONLY | fsConstants.O_CREAT, 0o600));
}

/**
 * Runs `body` in the network namespace at `path`: sockets that it opens belong to that namespace, and /proc/sys/net shows
 * it. Only the calling thread hops, so `body` must be synchronous. It must be short too: a helper thread that the runtime
 * happens to start meanwhile (garbage collection, compilation) stays in that namespace for as long as it lives.
 */
export function inNetworkNamespace<T>(path: string, body: () => T): T {
  const target = openNamespace(path);
  try {
    const home = openNamespace('/proc/thread-self/ns/net');
    try {
      setNamespace(target, newNetwork, path);
      try {
        return body();
      } finally {
        setNamespace(home, newNetwork, 'home');
      }
    } finally {
      closeSync(home);
    }
  } finally {
    closeSync(target);
  }
}

/** A new network namespace, and what was opened in it while the thread was there. */
export interface NewNetworkNamespace<T> extends Disposable {
  /** Descriptor of the namespace. */
  readonly descriptor: number;
  readonly opened: T;
}

/** Whether a thread that was not in `before` is in the namespace `number`. */
function caughtThread(before: ReadonlySet<string>, number: number): boolean {
  return readdirSync('/proc/self/task').some(
    (thread) => !before.has(thread) && namespaceNumber(`/proc/self/task/${thread}/ns/net`) === number,
  );
}

const attemptLimit = 20;

/**
 * Makes a network namespace and pins it at `path` (a file, made here), so that it lives without a process. `open` runs in
 * it, and should do no more than open sockets and files of /proc/sys. When the runtime started a thread of its own just
 * then, that thread would keep the namespace alive behind our back: it is thrown away, still empty, and another one made.
 */
export function createNetworkNamespace<T extends Disposable>(path: string, open: () => T): NewNetworkNamespace<T> {
  const home = openNamespace('/proc/thread-self/ns/net');
  try {
    for (let attempt = 1; ; attempt++) {
      const before = new Set(readdirSync('/proc/self/task'));
      const made = hopIntoNewNetwork(path, home, open);
      const isClean = !caughtThread(before, namespaceNumber(`/proc/self/fd/${made.descriptor}`) ?? 0);
      if (isClean) return made;
      made[Symbol.dispose]();
      deleteNetworkNamespace(path);
      if (attempt === attemptLimit) throw fail('internal', `${path}: each new namespace caught a thread`);
    }
  } finally {
    closeSync(home);
  }
}

function hopIntoNewNetwork<T extends Disposable>(path: string, home: number, open: () => T): NewNetworkNamespace<T> {
  makeFile(path);
  let descriptor: number | undefined;
  try {
    check('unshare', library().unshare(newNetwork), path);
    let opened: T;
    try {
      descriptor = openNamespace('/proc/thread-self/ns/net');
      opened = open();
    } finally {
      setNamespace(home, newNetwork, 'home');
    }
    const held = descriptor;
    bindMount(`/proc/self/fd/${held}`, path);
    return {
      descriptor: held,
      opened,
      [Symbol.dispose]() {
        opened[Symbol.dispose]();
        closeSync(held);
      },
    };
  } catch (error) {
    if (descriptor !== undefined) closeSync(descriptor);
    deleteNetworkNamespace(path);
    throw error;
  }
}

/**
 * Takes the pin away; the kernel frees the namespace, with all devices in it, when its last process and socket are gone,
 * and nobody waits for that. No error when there is none.
 */
export function deleteNetworkNamespace(path: string): void {
  unmount(path, { lazy: true });
  rmSync(path, { force: true });
}

/** Gives the calling thread a mount namespace of its own, a copy of the present one. */
export function unshareMounts(): void {
  check('unshare', library().unshare(newMounts), 'mounts');
}

/**
 * setns(2) for mounts asks that the thread shares its root and working directory with no other. The runtime may start a
 * thread of its own between the two calls, which shares them again: then once more.
 */
function setMountNamespace(descriptor: number, subject: string): void {
  for (let attempt = 1; ; attempt++) {
    check('unshare', library().unshare(ownFileSystemState), 'file system state');
    try {
      setNamespace(descriptor, newMounts, subject);
      return;
    } catch (error) {
      if (attempt === 10 || !hasCode(error, 'EINVAL')) throw error;
    }
  }
}

/**
 * Pins a mount namespace, open as `descriptor`, at the file `path`, whose directory must be on a private mount. A
 * namespace can be pinned only in one that is older than itself.
 */
export function pinMountNamespace(descriptor: number, path: string): void {
  makeFile(path);
  bindMount(`/proc/self/fd/${descriptor}`, path);
}

/** Number of the namespace that `path` is a pin of, or a link of /proc; undefined when there is no such file. */
function namespaceNumber(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}

function isMountNamespace(descriptor: number): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`).startsWith('mnt:');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false;
    throw error;
  }
}

function isPinned(path: string, mounts: readonly MountEntry[]): boolean {
  return mounts.some((entry) => entry.target === path && entry.type === 'nsfs');
}

/** Version 2 cgroup trees without the controllers that containers need, beside version 1 trees which have them. */
function hybridTrees(mounts: readonly MountEntry[]): string[] {
  if (!mounts.some((entry) => entry.type === 'cgroup')) return [];
  return mounts.filter((entry) => entry.type === 'cgroup2').map((entry) => entry.target);
}

const mark = 'ESTIBA_PRIVATE_MOUNTS';
let hostNamespace: number | undefined;

/** Replaces this process by a fresh start of the same program with the same arguments. Never returns. */
function executeSelf(environment: Readonly<Record<string, string | undefined>>): never {
  // The kernel's own copy holds what process.argv leaves out: the name called by, and the runtime's options.
  const argv = readFileSync('/proc/self/cmdline', 'utf8').split('\0').slice(0, -1);
  return replaceProgram('/proc/self/exe', argv, environment);
}

/** Makes the namespace and pins it in the host's; leaves the calling thread in the host's. Returns the descriptor of the new one. */
function makePrivateMounts(execRoot: string, host: number, trees: readonly string[]): number {
  unshareMounts();
  const made = openNamespace('/proc/thread-self/ns/mnt');
  // Mounts that the host makes later still arrive here; ours never reach the host.
  setPropagation('/', 'rslave');
  for (const tree of trees) unmount(tree, { lazy: true });
  setMountNamespace(host, 'host');
  const pin = join(execRoot, 'mnt');
  // On a shared mount the pin would propagate into the namespace that it pins, which the kernel refuses.
  const isMounted = readMounts().some((entry) => entry.target === execRoot);
  if (!isMounted) bindMount(execRoot, execRoot);
  try {
    setPropagation(execRoot, 'private');
    pinMountNamespace(made, pin);
    return made;
  } catch (error) {
    closeSync(made);
    rmSync(pin, { force: true });
    if (!isMounted) unmount(execRoot, { lazy: true });
    throw error;
  }
}

/**
 * The same, also where the host's mount namespace is not the kernel's first: Linux 6.18 tells the older of two by numbers
 * that each processor takes in batches, so that only one made on the present one's processor is sure to seem newer.
 */
function makePrivateMountsAnywhere(execRoot: string, host: number, trees: readonly string[]): number {
  const make = (): number => makePrivateMounts(execRoot, host, trees);
  try {
    return make();
  } catch (error) {
    if (!hasCode(error, 'EINVAL')) throw error;
    return onEachProcessor(make, (failure) => hasCode(failure, 'EINVAL'));
  }
}

/**
 * Moves the whole process into the private mount namespace of the engine whose exec root is `directory`, in which a hybrid host's empty
 * cgroup tree is unmounted: it makes the namespace and pins it at `directory/mnt`, or finds it there, and then executes
 * itself anew, so that all threads are in it. Returns at once when the process is there already, or when this host's
 * cgroups need none of it. Call it first thing, before anything is opened.
 */
export function enterPrivateMounts(directory: string): void {
  const [number, descriptor] = (process.env[mark] ?? '').split(':').map(Number);
  delete process.env[mark];
  if (descriptor !== undefined && number === namespaceNumber('/proc/self/ns/mnt')) {
    // A child that inherited the variable has no such descriptor, or another file in its place.
    if (!isMountNamespace(descriptor)) return;
    check('fcntl', library().fcntl(descriptor, setDescriptorFlags, closeOnExec));
    hostNamespace = descriptor;
    return;
  }
  const mounts = readMounts();
  const trees = hybridTrees(mounts);
  if (trees.length === 0) return;
  const workingDirectory = process.cwd();
  mkdirSync(directory, { recursive: true, mode: 0o711 });
  // The working directory is lost with the hop, and the table of mounts knows no symbolic links.
  const execRoot = realpathSync(directory);
  const pin = join(execRoot, 'mnt');
  const host = openNamespace('/proc/thread-self/ns/mnt');
  const target = isPinned(pin, mounts) ? openNamespace(pin) : makePrivateMountsAnywhere(execRoot, host, trees);
  setMountNamespace(target, pin);
  process.chdir(workingDirectory);
  check('fcntl', library().fcntl(host, setDescriptorFlags, 0));
  executeSelf({ ...process.env, [mark]: `${namespaceNumber('/proc/thread-self/ns/mnt')}:${host}` });
}

/**
 * Takes away the pin of `enterPrivateMounts`, in the host's mount namespace; the private one then lives for as long as
 * processes are in it. Nothing to do in a process that never entered one.
 */
export function releasePrivateMounts(directory: string): void {
  if (hostNamespace === undefined) return;
  const execRoot = realpathSync(directory);
  const home = openNamespace('/proc/thread-self/ns/mnt');
  const workingDirectory = process.cwd();
  try {
    setMountNamespace(hostNamespace, 'host');
    try {
      const pin = join(execRoot, 'mnt');
      unmount(pin, { lazy: true });
      rmSync(pin, { force: true });
      unmount(execRoot, { lazy: true });
    } finally {
      setMountNamespace(home, 'home');
      process.chdir(workingDirectory);
    }
  } finally {
    closeSync(home);
  }
}
