import type { HealthLogEntry, HealthState } from '#api';
import type { Events } from '#events';
import { announce } from '../announce.ts';
import type { Catalog } from '../catalog.ts';
import { type ContainerRecord, withLife } from '../record.ts';
import { type Check, checkOf, durationMs, type ProbeParts, probe } from './probe.ts';
import type { HealthTarget } from './target.ts';

const keptEntries = 5;
const defaultRetries = 3;

/** The health checks of running containers. */
export interface HealthMonitor {
  /** Begins to probe a container that has just started, or that runs when the engine starts. */
  watch(record: ContainerRecord): void;
  /** Ends it. */
  forget(id: string): void;
  close(): void;
}

/** What the monitor watches with. */
export interface MonitorParts extends ProbeParts {
  readonly catalog: Catalog;
  readonly events: Events;
  readonly openTarget: (record: ContainerRecord) => HealthTarget | undefined;
  /** Called once a container has become unhealthy. */
  readonly onUnhealthy: (record: ContainerRecord) => void;
}

/** One life of a container under watch. */
interface Watch {
  readonly check: Check;
  readonly target: HealthTarget | undefined;
  timer: NodeJS.Timeout | undefined;
}

/** The state before the first probe of a life; undefined when the container has no health check. */
export function initialHealth(record: ContainerRecord): HealthState | undefined {
  if (checkOf(record) === undefined) return undefined;
  return { Status: 'starting', FailingStreak: 0, Log: record.life.health?.Log ?? [] };
}

function isInStartPeriod(record: ContainerRecord, atMs: number): boolean {
  const periodMs = durationMs(record.config.Healthcheck ?? {}, 'StartPeriod');
  return atMs - Number(BigInt(record.life.startedAtNs || 0) / 1_000_000n) < periodMs;
}

/** The state after a probe. A failure while the container may still be starting does not count. */
export function nextHealth(
  state: HealthState,
  entry: HealthLogEntry,
  retries: number,
  isStarting: boolean,
): HealthState {
  const Log = [...state.Log, entry].slice(-keptEntries);
  if (entry.ExitCode === 0) return { Status: 'healthy', FailingStreak: 0, Log };
  if (isStarting && state.Status === 'starting') return { ...state, Log };
  const FailingStreak = state.FailingStreak + 1;
  return { Status: FailingStreak >= retries ? 'unhealthy' : state.Status, FailingStreak, Log };
}

/** Makes the monitor: one timer a container, one probe at a time. */
export function createHealthMonitor(parts: MonitorParts): HealthMonitor {
  const { catalog, events } = parts;
  const watches = new Map<string, Watch>();

  function schedule(record: ContainerRecord, watch: Watch): void {
    const config = record.config.Healthcheck ?? {};
    const isStarting = record.life.health?.Status === 'starting' && isInStartPeriod(record, Date.now());
    const due = (): void => void run(record.id, watch);
    watch.timer = setTimeout(due, durationMs(config, isStarting ? 'StartInterval' : 'Interval'));
  }

  async function run(id: string, watch: Watch): Promise<void> {
    const before = catalog.get(id);
    if (before === undefined) return;
    const startMs = Date.now();
    // A paused container answers no probe; that says nothing of its health.
    const entry = before.life.phase === 'paused' ? undefined : await probe(parts, before, watch.target, watch.check);
    const record = catalog.get(id);
    const health = record?.life.health;
    if (record === undefined || health === undefined || watches.get(id) !== watch) return;
    if (entry === undefined || record.life.phase !== 'running') {
      if (record.life.phase === 'paused' || record.life.phase === 'running') schedule(record, watch);
      return;
    }
    const retries = record.config.Healthcheck?.Retries || defaultRetries;
    const next = withLife(record, { health: nextHealth(health, entry, retries, isInStartPeriod(record, startMs)) });
    catalog.put(next);
    const status = next.life.health?.Status;
    schedule(next, watch);
    if (status === health.Status) return;
    announce(events, next, `health_status: ${status}`);
    if (status === 'unhealthy') parts.onUnhealthy(next);
  }

  function forget(id: string): void {
    const watch = watches.get(id);
    clearTimeout(watch?.timer);
    watch?.target?.[Symbol.dispose]();
    watches.delete(id);
  }

  return {
    watch(record) {
      forget(record.id);
      const check = checkOf(record);
      if (check === undefined) return;
      const watch: Watch = { check, target: parts.openTarget(record), timer: undefined };
      watches.set(record.id, watch);
      schedule(record, watch);
    },
    forget,
    close() {
      for (const id of [...watches.keys()]) forget(id);
      parts.prober.close();
    },
  };
}
