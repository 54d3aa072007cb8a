import type { Events } from '#events';
import type { Keeper, KeptProcess } from '#keeper';
import { oomKills } from '#linux/cgroups';
import { log } from '#std/log';
import { nowNs } from '#std/time';
import type { Records } from '#store';
import { announce } from '../announce.ts';
import type { Catalog } from '../catalog.ts';
import type { ContainerPaths } from '../paths.ts';
import { type ContainerRecord, hasProcess, type Life, withLife } from '../record.ts';
import { restartsAfterExit } from '../restart/policy.ts';
import type { RestartSchedule } from '../restart/schedule.ts';
import { type End, exitReason } from './reason.ts';
import { cgroupOf, type Release } from './release.ts';

/** The exit code that Docker gives a process whose end nobody saw. */
export const unknownExitCode = 255;

/** What the end of a main process touches. */
export interface ExitParts {
  readonly catalog: Catalog;
  readonly records: Pick<Records, 'transaction'>;
  readonly events: Events;
  readonly keeper: Keeper;
  readonly paths: ContainerPaths;
  readonly release: Release;
  readonly restarts: RestartSchedule;
  /** Ends what belongs to the life that is over: health probes, execs. */
  readonly onEnded: (id: string) => void;
  /** Whether a client is restarting the container: what is to be removed at its end stays then. */
  readonly isBeingRestarted: (id: string) => boolean;
  /** Removes a container (auto-remove). */
  readonly remove: (record: ContainerRecord) => Promise<void>;
}

function lifeAfter(record: ContainerRecord, end: End): Partial<Life> {
  const { exit, isOutOfMemory } = end;
  return {
    pid: 0,
    exitCode: exit?.code ?? unknownExitCode,
    error: exit?.code === undefined ? 'the exit code is unknown: nobody watched when the process ended' : '',
    oomKilled: isOutOfMemory,
    exitReason: exitReason(record, end),
    finishedAtNs: exit?.atNs ?? String(nowNs()),
    ...(record.life.health !== undefined && { health: { ...record.life.health, Status: 'unhealthy' as const } }),
  };
}

function wasOutOfMemory(record: ContainerRecord, paths: ContainerPaths): boolean {
  try {
    return oomKills(cgroupOf(record, paths)) > 0;
  } catch {
    return false;
  }
}

/**
 * Takes the end of a container's main process into its record, gives back what it held, tells of it, and restarts or
 * removes it where its policy says so. `exit` is undefined when the keeper knows nothing of the process.
 */
export function createExitHandler(parts: ExitParts): (id: string, exit: KeptProcess['exit']) => Promise<void> {
  const { catalog, events, keeper, paths, records, release, restarts } = parts;

  async function end(record: ContainerRecord, exit: KeptProcess['exit']): Promise<ContainerRecord | undefined> {
    const isOutOfMemory = wasOutOfMemory(record, paths);
    parts.onEnded(record.id);
    await release(record);
    const current = catalog.get(record.id);
    if (current === undefined) return undefined;
    const ended = withLife(current, lifeAfter(current, { exit, isOutOfMemory }));
    const restartsNow = restartsAfterExit(ended);
    const next = withLife(ended, { phase: restartsNow ? 'restarting' : 'exited' });
    const ranSeconds = Number(
      (BigInt(next.life.finishedAtNs) - BigInt(next.life.startedAtNs || next.life.finishedAtNs)) / 1_000_000_000n,
    );
    // One write: an engine that dies in between tells of the end once, whatever it had done of it.
    records.transaction(() => {
      catalog.put(next);
      if (isOutOfMemory && !current.life.oomKilled) announce(events, next, 'oom');
      announce(events, next, 'die', {
        exitCode: String(next.life.exitCode),
        execDuration: String(Math.max(0, ranSeconds)),
      });
    });
    if (restartsNow) restarts.plan(next);
    return next;
  }

  return async (id, exit) => {
    const ended = await catalog.lock(id).run(async () => {
      const record = catalog.get(id);
      return record !== undefined && hasProcess(record) ? end(record, exit) : undefined;
    });
    await keeper.forget(id);
    if (ended?.life.phase === 'exited' && ended.hostConfig.AutoRemove && !parts.isBeingRestarted(id)) {
      await parts.remove(ended).catch((error: unknown) => {
        log('error', 'auto-remove failed', { container: id, error: String(error) });
      });
    }
  };
}
