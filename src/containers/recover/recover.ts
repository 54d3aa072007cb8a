import { readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Events } from '#events';
import type { Rootfs } from '#images';
import type { Keeper, KeptProcess } from '#keeper';
import { killAll, listCgroups, removeCgroup } from '#linux/cgroups';
import { kindOf, messageOf } from '#std/errors';
import { log } from '#std/log';
import type { Catalog } from '../catalog.ts';
import type { ExecStore } from '../exec/store.ts';
import { initialHealth } from '../health/monitor.ts';
import type { ContainerPaths } from '../paths.ts';
import { type ContainerRecord, hasProcess, withLife } from '../record.ts';
import { inOrder } from '../restart/order.ts';
import { restartsWithEngine } from '../restart/policy.ts';
import type { RestartSchedule } from '../restart/schedule.ts';
import { releasePins } from '../start/pins.ts';
import { settlePause } from '../stop/pause.ts';

const sigkill = 9;
const idLength = 64;
/** How long the engine's start waits for the end of a process that it killed. */
const endingMs = 10_000;
const endingPollMs = 10;

/** What the engine's start brings back into order. */
export interface RecoverParts {
  readonly catalog: Catalog;
  readonly events: Events;
  readonly execs: ExecStore;
  readonly keeper: Keeper;
  readonly rootfs: Rootfs;
  readonly paths: ContainerPaths;
  /** Takes the end of a process in, without `exit` when nobody knows how it ended. Never rejects. */
  readonly takeExit: (process: KeptProcess) => Promise<void>;
  readonly onRunning: (record: ContainerRecord) => void;
  readonly start: (id: string) => Promise<void>;
  readonly restarts: RestartSchedule;
  readonly remove: (id: string) => Promise<void>;
}

/** A process that runs for a container whose record does not say so: the engine died while it started. */
function adopt(catalog: Catalog, record: ContainerRecord, process: KeptProcess): ContainerRecord {
  const health = initialHealth(record);
  const running = withLife(record, {
    phase: 'running',
    pid: process.pid ?? 0,
    startedAtNs: process.startedAtNs ?? record.createdAtNs,
    exitCode: 0,
    error: '',
    ...(health !== undefined && { health }),
  });
  catalog.put(running);
  return running;
}

async function dropUnowned(keeper: Keeper, process: KeptProcess): Promise<void> {
  log('warn', 'ended a process that belongs to no container', { process: process.id });
  if (process.state !== 'exited') {
    await keeper.signal(process.id, sigkill).catch((error: unknown) => {
      if (kindOf(error) !== 'not-found') throw error;
    });
  }
  if (!(await isForgotten(keeper, process.id))) {
    // Asleep in the kernel: its exit, whenever that comes, has the keeper forget it. The engine starts without it.
    log('warn', 'a process that belongs to no container does not end', { process: process.id });
  }
}

/** A killed process takes its moment to end, and until then the keeper does not forget it. */
async function isForgotten(keeper: Keeper, id: string): Promise<boolean> {
  const deadline = Date.now() + endingMs;
  for (;;) {
    try {
      await keeper.forget(id);
      return true;
    } catch (error) {
      if (kindOf(error) !== 'conflict') throw error;
      if (Date.now() > deadline) return false;
      await Bun.sleep(endingPollMs);
    }
  }
}

/** Runs one step of many: that it fails is told, and keeps neither the others nor the engine from going on. */
async function guarded(what: string, id: string, step: () => Promise<void> | void): Promise<void> {
  try {
    await step();
  } catch (error) {
    log('error', `${what} at the engine's start failed`, { id, error: messageOf(error) });
  }
}

/** Matches one process that the keeper has with the records; those that live go into `live`. */
async function matchProcess(parts: RecoverParts, process: KeptProcess, live: Set<string>): Promise<void> {
  const { catalog, execs, keeper } = parts;
  if (process.kind === 'exec') {
    if (execs.get(process.id) === undefined) await dropUnowned(keeper, process);
    else if (process.state === 'exited') await parts.takeExit(process);
    return;
  }
  const record = catalog.get(process.id);
  if (record === undefined || record.life.phase === 'removing') {
    await dropUnowned(keeper, process);
    return;
  }
  if (process.exit !== undefined && process.exit.atNs === record.life.finishedAtNs) {
    // Taken in already; the engine died before it had the keeper forget it.
    await keeper.forget(process.id);
    return;
  }
  // First of all: whatever fails then, what belongs to a living process is not taken from it.
  if (process.state !== 'exited') live.add(process.id);
  const current = hasProcess(record) ? record : adopt(catalog, record, process);
  if (process.state === 'exited') await parts.takeExit(process);
  else parts.onRunning(await settlePause(catalog, parts.events, parts.paths, current));
}

/** Matches what the keeper has with what the records say. Returns the ids of the containers that live. */
async function matchProcesses(parts: RecoverParts): Promise<Set<string>> {
  const { catalog, execs, keeper } = parts;
  const kept = await keeper.list();
  const live = new Set<string>();
  const known = new Set(kept.map(({ id }) => id));
  for (const process of kept) {
    await guarded('recovery of a process', process.id, () => matchProcess(parts, process, live));
  }
  for (const record of [...catalog.all()]) {
    if (!hasProcess(record) || known.has(record.id)) continue;
    await parts.takeExit({ id: record.id, container: record.id, kind: 'init', state: 'exited' });
  }
  for (const { id, containerId } of execs.unfinished()) {
    if (!known.has(id)) await parts.takeExit({ id, container: containerId, kind: 'exec', state: 'exited' });
  }
  return live;
}

function entries(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** Removes directories and cgroups that no record owns. */
async function removeOrphans(parts: RecoverParts, live: ReadonlySet<string>): Promise<void> {
  const { catalog, rootfs, paths } = parts;
  const isOwned = (id: string): boolean => catalog.get(id) !== undefined;
  for (const name of rootfs.list()) {
    // An image mount's snapshot is named for its container.
    const id = name.slice(0, idLength);
    await guarded('removal of a file system', name, async () => {
      if (!isOwned(id)) await rootfs.remove(name);
      else if (!live.has(id)) rootfs.unmount(name);
    });
  }
  for (const id of entries(dirname(paths.pins('x')))) {
    if (!live.has(id)) await guarded('release of mounts', id, () => releasePins(paths.pins(id)));
  }
  const bundles = dirname(paths.bundle('x'));
  const stale = [
    ...entries(paths.containersRoot)
      .filter((id) => !isOwned(id))
      .map((id) => paths.directory(id)),
    ...[bundles, paths.runtimeRoot].flatMap((root) =>
      entries(root)
        .filter((id) => /^[0-9a-f]{64}$/.test(id) && !live.has(id))
        .map((id) => join(root, id)),
    ),
  ];
  for (const path of stale) {
    await guarded('removal of a directory', path, () => rm(path, { recursive: true, force: true }));
  }
  for (const id of listCgroups(paths.cgroupParent).filter((name) => !live.has(basename(name)))) {
    const path = join('/', paths.cgroupParent, id);
    await guarded('removal of a cgroup', id, async () => {
      await killAll(path);
      removeCgroup(path);
    });
  }
}

/**
 * Brings containers into order after any end of the last engine: every process is accounted for, every exit taken in,
 * what has no owner is gone. Returns the ids of the containers that run.
 */
export async function recover(parts: RecoverParts): Promise<Set<string>> {
  const live = await matchProcesses(parts);
  await removeOrphans(parts, live);
  return live;
}

/** Does what was due: removals begun or promised, and restarts. Runs once everything else of the engine is ready. */
export async function resume({ catalog, remove, start, restarts }: RecoverParts): Promise<void> {
  restarts.open();
  // Those that run already are there too: what needs them waits for nothing.
  await inOrder([...catalog.all()], async (record) => {
    const { id, life, hostConfig } = record;
    if (life.phase === 'removing' || (hostConfig.AutoRemove && life.phase === 'exited')) {
      await guarded('removal', id, () => remove(id));
    } else if (restartsWithEngine(record)) {
      await guarded('restart', id, () => start(id));
    }
  });
}
