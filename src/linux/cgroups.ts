import { existsSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fail } from '#std/errors';
import { lazy } from '#std/lazy';
import { hasCode } from './errno.ts';
import { type MountEntry, readMounts } from './mount.ts';

/**
 * How this host's cgroups are mounted. Version 2: one tree with all controllers. Version 1: one tree for each controller
 * (or for a few together). A hybrid host, whose version 2 tree has none of the controllers that containers need, counts
 * as version 1.
 */
export interface CgroupLayout {
  readonly version: 1 | 2;
  /** Controller (or `name=systemd`) -> directory of its hierarchy; on version 2 all map to the one tree. */
  readonly hierarchies: ReadonlyMap<string, string>;
  /** Directories of the distinct hierarchies. */
  readonly roots: readonly string[];
}

const needed = ['cpu', 'memory', 'pids'];
const freezeTimeoutMs = 2000;
const killTimeoutMs = 2000;
const pollMs = 1;

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    // ENODEV: the cgroup was removed between open and read.
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ENODEV')) return undefined;
    throw error;
  }
}

/** Reads the layout from the mounts of this process's namespace (cgroups(7)); throws `unavailable` when there is none. */
export function detectCgroups(mounts: readonly MountEntry[] = readMounts()): CgroupLayout {
  const unified = mounts.find((entry) => entry.type === 'cgroup2')?.target;
  const controllers = (readText(join(unified ?? '/nowhere', 'cgroup.controllers')) ?? '').trim().split(/\s+/);
  if (unified !== undefined && needed.every((name) => controllers.includes(name))) {
    return { version: 2, hierarchies: new Map(controllers.map((name) => [name, unified])), roots: [unified] };
  }
  const flags = new Set(['rw', 'ro', 'xattr', 'clone_children', 'noprefix']);
  const hierarchies = new Map<string, string>();
  for (const entry of mounts) {
    if (entry.type !== 'cgroup') continue;
    for (const name of entry.options.split(',')) if (!flags.has(name)) hierarchies.set(name, entry.target);
  }
  if (hierarchies.size === 0) throw fail('unavailable', 'cgroups: no hierarchy is mounted');
  return { version: 1, hierarchies, roots: [...new Set(hierarchies.values())] };
}

/** The layout of this host, read once. */
export const cgroupLayout = lazy(() => detectCgroups());

/** The directory of cgroup `path` (`/parent/id`) where `controller` accounts for it; undefined when there is none. */
export function cgroupDirectory(path: string, controller: string): string | undefined {
  const root = cgroupLayout().hierarchies.get(controller);
  return root === undefined ? undefined : join(root, path);
}

/** Reads one file of a cgroup, of the hierarchy of a controller; undefined when the cgroup or the file is not there. */
export type CgroupReader = (controller: string, file: string) => string | undefined;

/** The reader of cgroup `path`. Nothing is held open: a descriptor for each file of each container would be thousands. */
export function cgroupReader(path: string): CgroupReader {
  const { hierarchies } = cgroupLayout();
  return (controller, file) => {
    const root = hierarchies.get(controller);
    return root === undefined ? undefined : readText(`${root}${path}/${file}`);
  };
}

/** The directory that lists a cgroup's processes: any hierarchy has them all. */
function processDirectory(path: string): string {
  const { hierarchies, roots } = cgroupLayout();
  return join(hierarchies.get('freezer') ?? hierarchies.get('pids') ?? roots[0] ?? '/', path);
}

function childrenOf(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ENODEV')) return [];
    throw error;
  }
}

function* processesBelow(directory: string): Generator<number> {
  for (const line of (readText(join(directory, 'cgroup.procs')) ?? '').split('\n')) if (line !== '') yield Number(line);
  for (const name of childrenOf(directory)) yield* processesBelow(join(directory, name));
}

/** Host pids of all processes of a cgroup and of those below it; none when it does not exist. */
export function processes(path: string): number[] {
  return [...processesBelow(processDirectory(path))];
}

/** The files of all hierarchies by which a process joins the cgroup. */
export function joiningFiles(path: string): string[] {
  return cgroupLayout()
    .roots.map((root) => join(root, path, 'cgroup.procs'))
    .filter((file) => existsSync(file));
}

/** Names of the cgroups right below `parent` in any hierarchy: the ids of containers. */
export function listCgroups(parent: string): string[] {
  return [...new Set(cgroupLayout().roots.flatMap((root) => childrenOf(join(root, parent))))];
}

/** How often the kernel has killed a process of the cgroup for want of memory. */
export function oomKills(path: string): number {
  const directory = cgroupDirectory(path, 'memory');
  if (directory === undefined) return 0;
  const file = cgroupLayout().version === 2 ? 'memory.events' : 'memory.oom_control';
  return Number(/^oom_kill (\d+)$/m.exec(readText(join(directory, file)) ?? '')?.[1] ?? 0);
}

/** Waits for `done`, asked at once and then every millisecond; false when the time is over. */
async function until(done: () => boolean, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (!done()) {
    if (performance.now() > deadline) return false;
    await Bun.sleep(pollMs);
  }
  return true;
}

function freezerOf(path: string): { file: string; frozen: string; thawed: string; isFrozen: () => boolean } {
  const { version, roots } = cgroupLayout();
  if (version === 2) {
    const directory = join(roots[0] ?? '/', path);
    const isFrozen = (): boolean => /^frozen 1$/m.test(readText(join(directory, 'cgroup.events')) ?? '');
    return { file: join(directory, 'cgroup.freeze'), frozen: '1', thawed: '0', isFrozen };
  }
  const file = join(cgroupDirectory(path, 'freezer') ?? '/nowhere', 'freezer.state');
  return { file, frozen: 'FROZEN', thawed: 'THAWED', isFrozen: () => readText(file)?.trim() === 'FROZEN' };
}

/**
 * Stops all processes of the cgroup until `thaw`, and resolves once all of them stand still. A process that the kernel
 * cannot stop (in uninterruptible sleep) makes it throw `internal` after two seconds, with everything thawed again.
 */
export async function freeze(path: string): Promise<void> {
  const { file, frozen, thawed, isFrozen } = freezerOf(path);
  writeFileSync(file, frozen);
  if (await until(isFrozen, freezeTimeoutMs)) return;
  writeFileSync(file, thawed);
  throw fail('internal', `cgroup ${path}: cannot be frozen`);
}

/** Lets the processes of a frozen cgroup go on. */
export async function thaw(path: string): Promise<void> {
  const { file, thawed, isFrozen } = freezerOf(path);
  writeFileSync(file, thawed);
  await until(() => !isFrozen(), freezeTimeoutMs);
}

/** Whether the cgroup is frozen, or is being frozen. */
export function isFreezing(path: string): boolean {
  const { file, thawed } = freezerOf(path);
  const state = readText(file)?.trim();
  return state !== undefined && state !== thawed;
}

function killOnce(path: string): void {
  for (const processId of processes(path)) {
    try {
      process.kill(processId, 'SIGKILL');
    } catch (error) {
      if (!hasCode(error, 'ESRCH')) throw error;
    }
  }
}

/** Freezing first means that nothing forks between the reading of the list and the kill; a killed process thaws to die. */
function killInFreezer(path: string): void {
  const { file, frozen, thawed } = freezerOf(path);
  if (!existsSync(file)) {
    killOnce(path);
    return;
  }
  writeFileSync(file, frozen);
  try {
    killOnce(path);
  } finally {
    writeFileSync(file, thawed);
  }
}

/**
 * Kills every process of the cgroup and of those below it. Resolves to true once none is left, to false when some would
 * not die within two seconds.
 */
export async function killAll(path: string): Promise<boolean> {
  const killFile = join(processDirectory(path), 'cgroup.kill');
  return await until(() => {
    if (processes(path).length === 0) return true;
    if (existsSync(killFile)) writeFileSync(killFile, '1');
    else killInFreezer(path);
    return false;
  }, killTimeoutMs);
}

function removeTree(directory: string): boolean {
  let removed = true;
  for (const name of childrenOf(directory)) removed = removeTree(join(directory, name)) && removed;
  if (!removed) return false;
  try {
    rmdirSync(directory);
  } catch (error) {
    if (hasCode(error, 'EBUSY')) return false;
    if (!hasCode(error, 'ENOENT')) throw error;
  }
  return true;
}

/**
 * Removes the cgroup from every hierarchy, those below it first. Never waits: false when a process is still in one of
 * them, and the rest is gone by then. True too when there was none.
 */
export function removeCgroup(path: string): boolean {
  if (basename(path) === '') throw fail('internal', 'cgroups: the root is not ours to remove');
  return cgroupLayout()
    .roots.map((root) => removeTree(join(root, path)))
    .every((removed) => removed);
}

/** The same, waited for: a killed process holds its cgroup until it has died. False when it still does after two seconds. */
export function removeCgroupSoon(path: string): Promise<boolean> {
  return until(() => removeCgroup(path), killTimeoutMs);
}
