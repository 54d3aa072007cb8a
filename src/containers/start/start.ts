import { fail } from '#std/errors';
import type { Catalog } from '../catalog.ts';
import { type ContainerRecord, isRunning, type Life, withLife } from '../record.ts';
import type { RestartSchedule } from '../restart/schedule.ts';
import type { Launch } from './launch.ts';

/** The ways in which a container comes to run. */
export interface Starter {
  /** By a person: counts anew. Throws `not-modified` when it runs already. */
  start(name: string): Promise<void>;
  /** By its restart policy, which goes on when the start fails. */
  restart(id: string): Promise<void>;
  /** With the engine: counts anew, and its restart policy goes on when the start fails. */
  resume(id: string): Promise<void>;
}

/** What starting decides with. */
export interface StarterParts {
  readonly catalog: Catalog;
  readonly launch: Launch;
  readonly restarts: RestartSchedule;
  /** Removes a container whose start failed and that is to be removed when it ends. */
  readonly remove: (record: ContainerRecord) => Promise<void>;
}

/** Makes the starter. */
export function createStarter({ catalog, launch, restarts, remove }: StarterParts): Starter {
  async function launchLocked(id: string, change: (life: Life) => Partial<Life> | undefined): Promise<void> {
    await catalog.lock(id).run(async () => {
      const record = catalog.find(id);
      const changed = change(record.life);
      if (changed === undefined) return;
      const next = withLife(record, changed);
      catalog.put(next);
      await launch(next);
    });
  }

  async function start(name: string): Promise<void> {
    const { id, hostConfig } = catalog.find(name);
    try {
      await launchLocked(id, (life) => {
        if (life.phase === 'paused') throw fail('conflict', 'cannot start a paused container, try unpause instead');
        if (life.phase === 'removing') {
          throw fail('conflict', 'container is marked for removal and cannot be started');
        }
        if (isRunning(catalog.find(id))) throw fail('not-modified', '');
        restarts.cancel(id);
        return { stoppedByHand: false, restartCount: 0 };
      });
    } catch (error) {
      const left = catalog.get(id);
      if (hostConfig.AutoRemove && left !== undefined && !isRunning(left) && left.life.error !== '') await remove(left);
      throw error;
    }
  }

  async function restart(id: string): Promise<void> {
    // A stop that came first has made it `exited`, and so it stays.
    await byPolicy(id, (life) => (life.phase === 'restarting' ? { restartCount: life.restartCount + 1 } : undefined));
  }

  async function resume(id: string): Promise<void> {
    // A client may have been faster, and a container that is stopped by hand and starts with the engine is so no more.
    await byPolicy(id, (life) =>
      life.phase === 'restarting' || life.phase === 'exited'
        ? { phase: 'restarting', stoppedByHand: false, restartCount: 0 }
        : undefined,
    );
  }

  async function byPolicy(id: string, change: (life: Life) => Partial<Life> | undefined): Promise<void> {
    try {
      await launchLocked(id, change);
    } catch (error) {
      const left = catalog.get(id);
      if (left?.life.phase === 'restarting') restarts.plan(left);
      else if (left?.life.phase === 'exited' && left.hostConfig.AutoRemove) await remove(left);
      throw error;
    }
  }

  return { start, restart, resume };
}
