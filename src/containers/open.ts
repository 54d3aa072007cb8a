import { fail, messageOf } from '#std/errors';
import { createFace } from './face.ts';
import { createArchiveCalls } from './files/archive.ts';
import { isRunning } from './record.ts';
import { createExits, type Exits } from './recover/exits.ts';
import { type RecoverParts, recover, resume } from './recover/recover.ts';
import type { Containers } from './types.ts';
import { type ContainersOptions, type Ground, type Life, layGround, makeCreate, makeLife } from './wiring.ts';

const sweepIntervalMs = 60_000;

/** The feature, and the steps of the engine's start and end that concern it. */
export interface OpenedContainers {
  readonly containers: Containers;
  /** Accounts for every process, and removes what has no owner; returns the ids of the containers that run. */
  recover(): Promise<Set<string>>;
  /** Finishes removals and does the restarts that were due; once networks and volumes are in order. */
  resume(): Promise<void>;
  /** Stops every container, each with its own signal and patience. */
  stopAll(): Promise<void>;
  /** Ends timers; containers go on. */
  close(): void;
}

function recoverParts(ground: Ground, life: Life, exits: Exits): RecoverParts {
  const { catalog } = ground;
  const { starter, health } = life;
  return {
    ...ground,
    takeExit: exits.take,
    onRunning: (record) => health.watch(record),
    start: (id) => starter.resume(id),
    restarts: life.restarts,
    // A removal cut short by the engine's death begins anew.
    remove: async (id) => {
      const record = catalog.get(id);
      if (record === undefined) return;
      catalog.put({ ...record, life: { ...record.life, phase: 'exited' } });
      await life.removeWithVolumes(record);
    },
  };
}

async function stopAll({ catalog }: Ground, { restarts, terminator }: Life): Promise<void> {
  restarts.close();
  const running = [...catalog.all()].filter(isRunning);
  const results = await Promise.allSettled(running.map(({ id }) => terminator.stop(id, {}, 'shutdown')));
  const failed = results.filter((result) => result.status === 'rejected');
  if (failed.length > 0) throw fail('internal', failed.map(({ reason }) => messageOf(reason)).join('; '));
}

/** Opens the container feature over the other features and the keeper. */
export function openContainers(options: ContainersOptions): OpenedContainers {
  const ground = layGround(options);
  const life = makeLife(ground);
  const { execs, health, restarts, onExit } = life;
  const exits = createExits({ onExit, onExecExit: (process) => execs.onExit(process) });
  const parts = recoverParts(ground, life, exits);
  const sweep = setInterval(() => ground.execs.sweep(Date.now()), sweepIntervalMs);
  sweep.unref();
  return {
    containers: createFace({
      ...ground,
      ...life,
      execStore: ground.execs,
      create: makeCreate(ground),
      archive: createArchiveCalls(ground),
    }),
    async recover() {
      const live = await recover(parts);
      // The keeper holds exits back until it is listened to: none may be taken in twice, from its list and as an event.
      options.keeper.onExit((process) => void exits.take(process));
      return live;
    },
    resume: () => resume(parts),
    stopAll: () => stopAll(ground, life),
    close() {
      clearInterval(sweep);
      exits.close();
      restarts.close();
      health.close();
    },
  };
}
