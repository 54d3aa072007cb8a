import type { Events } from '#events';
import type { Keeper } from '#keeper';
import { thaw } from '#linux/cgroups';
import { fail, kindOf, messageOf } from '#std/errors';
import { announce } from '../announce.ts';
import type { Catalog } from '../catalog.ts';
import { nextExit } from '../exit/await.ts';
import { cgroupOf } from '../exit/release.ts';
import type { ContainerPaths } from '../paths.ts';
import { type ContainerRecord, type EndRequest, hasProcess, isRunning, withLife } from '../record.ts';
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
export type StopCause = 'person' | 'shutdown' | 'health';

/** Ends main processes. No call holds the container's lock while it waits for an exit. */
export interface Terminator {
  stop(name: string, options: StopOptions, cause?: StopCause): Promise<void>;
  kill(name: string, signal: string | undefined): Promise<void>;
  /** Kills for its health's sake: its restart policy decides what comes then. */
  killUnhealthy(id: string): Promise<void>;
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

function stopSignal(name: string, text: string): number {
  try {
    return signalNumber(text);
  } catch (error) {
    throw fail(kindOf(error), `cannot stop container: ${name}: ${messageOf(error)}`, error);
  }
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

  /** Sends a signal; one that is to end the process is remembered as the reason of its end. */
  async function send(record: ContainerRecord, signal: number, by?: EndRequest['by']): Promise<void> {
    const current = catalog.get(record.id);
    if (by !== undefined && current !== undefined) catalog.put(withLife(current, { ending: { signal, by } }));
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

  async function killAndWait(record: ContainerRecord, by: EndRequest['by']): Promise<void> {
    const exit = nextExit(catalog, record.id, AbortSignal.timeout(killTimeoutMs));
    await send(record, sigkill, by);
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
    const signal = stopSignal(name, options.signal || record.config.StopSignal || 'SIGTERM');
    const seconds = options.timeoutSeconds ?? record.config.StopTimeout ?? defaultStopTimeoutSeconds;
    if (!isRunning(record)) throw fail('not-modified', '');
    if (cause !== 'shutdown') markStopped(record);
    else if (record.life.phase === 'restarting') return;
    if (!(await endRestarting(record))) {
      const patience = new AbortController();
      const timer = seconds < 0 ? undefined : setTimeout(() => patience.abort(), seconds * 1000);
      const exit = nextExit(catalog, record.id, patience.signal);
      const by = cause === 'person' ? 'stop' : cause;
      await send(record, signal, by);
      await wake(record);
      const ended = await exit;
      clearTimeout(timer);
      if (ended === undefined) await killAndWait(record, by);
    }
    announce(events, record, 'stop');
  }

  async function kill(name: string, text: string | undefined): Promise<void> {
    const failed = (error: unknown): Error =>
      fail(kindOf(error), `cannot kill container: ${name}: ${messageOf(error)}`, error);
    let record: ContainerRecord;
    let signal = sigkill;
    try {
      record = catalog.find(name);
      signal = text === undefined || text === '' ? sigkill : signalNumber(text);
    } catch (error) {
      throw failed(error);
    }
    if (!isRunning(record)) throw failed(fail('conflict', `container ${record.id} is not running`));
    const ends = signal === sigkill || signal === signalNumber(record.config.StopSignal || 'SIGTERM');
    if (ends) markStopped(record);
    // No process is there to be signalled between an exit and a restart: to end it is to give up the restart.
    if (record.life.phase === 'restarting' && (!ends || (await endRestarting(record)))) return;
    if (signal === sigkill) await killAndWait(record, 'kill');
    else await send(record, signal, 'kill');
  }

  async function killUnhealthy(id: string): Promise<void> {
    const record = catalog.get(id);
    if (record !== undefined && hasProcess(record)) await killAndWait(record, 'health');
  }

  async function end(record: ContainerRecord): Promise<void> {
    if (!isRunning(record)) return;
    markStopped(record);
    if (!(await endRestarting(record))) await killAndWait(record, 'remove');
  }

  return { stop, kill, killUnhealthy, end };
}
