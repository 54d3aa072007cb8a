import type { Events } from '#events';
import type { Keeper } from '#keeper';
import { thaw } from '#linux/cgroups';
import { fail, kindOf } from '#std/errors';
import { announce } from '../announce.ts';
import type { Catalog } from '../catalog.ts';
import { nextExit } from '../exit/await.ts';
import { cgroupOf } from '../exit/release.ts';
import type { ContainerPaths } from '../paths.ts';
import { type ContainerRecord, hasProcess, isRunning, withLife } from '../record.ts';
import type { RestartSchedule } from '../restart/schedule.ts';
import { signalNumber } from '../signals.ts';

const defaultStopTimeoutSeconds = 10;
const sigkill = 9;
/** How long a killed process may take to vanish before the caller is told; it may hang in the kernel for ever. */
const killTimeoutMs = 10_000;

export interface StopOptions {
  readonly signal?: string;
  readonly timeoutSeconds?: number;
}

/** On whose word a container is stopped: what a person stopped is not started again with the engine. */
export type StopCause = 'person' | 'shutdown';

/** Ends main processes. No call holds the container's lock while it waits for an exit. */
export interface Terminator {
  stop(name: string, options: StopOptions, cause?: StopCause): Promise<void>;
  kill(name: string, signal: string | undefined): Promise<void>;
  /** Kills and waits; for removal by force. No error when it does not run. */
  end(record: ContainerRecord): Promise<void>;
}

/** What ending a process needs. */
export interface TerminatorParts {
  readonly catalog: Catalog;
  readonly events: Events;
  readonly keeper: Keeper;
  readonly paths: ContainerPaths;
  readonly restarts: RestartSchedule;
}

/** Makes the terminator. */
export function createTerminator({ catalog, events, keeper, paths, restarts }: TerminatorParts): Terminator {
  async function signalIfThere(id: string, signal: number): Promise<void> {
    try {
      await keeper.signal(id, signal);
    } catch (error) {
      // It exited in this very moment, which is what a caller who ends it wants.
      if (kindOf(error) !== 'not-found') throw error;
    }
  }

  async function send(record: ContainerRecord, signal: number): Promise<void> {
    await signalIfThere(record.id, signal);
    announce(events, record, 'kill', { signal: String(signal) });
  }

  /** A frozen process sees no signal: thawed, it does. */
  async function wake(record: ContainerRecord): Promise<void> {
    const current = catalog.get(record.id);
    if (current?.life.phase !== 'paused') return;
    await thaw(cgroupOf(current, paths));
    catalog.put(withLife(current, { phase: 'running' }));
    announce(events, current, 'unpause');
  }

  function markStopped(record: ContainerRecord): void {
    const current = catalog.get(record.id);
    if (current !== undefined) catalog.put(withLife(current, { stoppedByHand: true }));
  }

  /** Ends a container that waits for its restart, or is just being started again; false when it runs by then. */
  async function endRestarting({ id }: ContainerRecord): Promise<boolean> {
    restarts.cancel(id);
    if (catalog.get(id)?.life.phase !== 'restarting') return false;
    const lock = catalog.lock(id);
    // A start under way is cut short: its runtime may hang.
    if (lock.isHeld) await signalIfThere(id, sigkill);
    return lock.run(async () => {
      const current = catalog.get(id);
      if (current?.life.phase === 'restarting') catalog.put(withLife(current, { phase: 'exited' }));
      return current === undefined || !hasProcess(current);
    });
  }

  async function killAndWait(record: ContainerRecord): Promise<void> {
    const exit = nextExit(catalog, record.id, AbortSignal.timeout(killTimeoutMs));
    await send(record, sigkill);
    await wake(record);
    if ((await exit) === undefined) {
      throw fail(
        'internal',
        `container ${record.id} could not be killed: it did not exit within ${killTimeoutMs / 1000}s of the kill signal`,
      );
    }
  }

  async function stop(name: string, options: StopOptions, cause: StopCause = 'person'): Promise<void> {
    const record = catalog.find(name);
    const signal = signalNumber(options.signal || record.config.StopSignal || 'SIGTERM');
    const seconds = options.timeoutSeconds ?? record.config.StopTimeout ?? defaultStopTimeoutSeconds;
    if (!isRunning(record)) throw fail('not-modified', '');
    if (cause === 'person') markStopped(record);
    else if (record.life.phase === 'restarting') return;
    if (!(await endRestarting(record))) {
      const patience = new AbortController();
      const timer = seconds < 0 ? undefined : setTimeout(() => patience.abort(), seconds * 1000);
      const exit = nextExit(catalog, record.id, patience.signal);
      await send(record, signal);
      await wake(record);
      const ended = await exit;
      clearTimeout(timer);
      if (ended === undefined) await killAndWait(record);
    }
    announce(events, record, 'stop');
  }

  async function kill(name: string, text: string | undefined): Promise<void> {
    const record = catalog.find(name);
    let signal = sigkill;
    try {
      signal = text === undefined || text === '' ? sigkill : signalNumber(text);
    } catch (error) {
      throw fail('invalid-argument', `cannot kill container: ${name}: ${(error as Error).message}`);
    }
    if (!hasProcess(record)) {
      throw fail('conflict', `cannot kill container: ${name}: container ${record.id} is not running`);
    }
    if (signal === sigkill || signal === signalNumber(record.config.StopSignal || 'SIGTERM')) markStopped(record);
    if (signal === sigkill) await killAndWait(record);
    else await send(record, signal);
  }

  async function end(record: ContainerRecord): Promise<void> {
    if (!isRunning(record)) return;
    markStopped(record);
    if (!(await endRestarting(record))) await killAndWait(record);
  }

  return { stop, kill, end };
}
