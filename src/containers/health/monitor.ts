import type { HealthLogEntry, HealthState } from '#api';
import type { Events } from '#events';
import { announce } from '../announce.ts';
import type { Catalog } from '../catalog.ts';
import { type ContainerRecord, withLife } from '../record.ts';
import { durationMs, type ProbeParts, probe, probeCommand } from './probe.ts';

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

/** The state before the first probe; undefined when the container has no health check. */
export function initialHealth(record: ContainerRecord): HealthState | undefined {
  return probeCommand(record) === undefined ? undefined : { Status: 'starting', FailingStreak: 0, Log: [] };
}

function isInStartPeriod(record: ContainerRecord): boolean {
  const periodMs = durationMs(record.config.Healthcheck ?? {}, 'StartPeriod');
  return Date.now() - Number(BigInt(record.life.startedAtNs || 0) / 1_000_000n) < periodMs;
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
export function createHealthMonitor(catalog: Catalog, events: Events, parts: ProbeParts): HealthMonitor {
  const timers = new Map<string, NodeJS.Timeout>();

  function schedule(record: ContainerRecord, command: string[]): void {
    const config = record.config.Healthcheck ?? {};
    const isStarting = record.life.health?.Status === 'starting' && isInStartPeriod(record);
    const due = (): void => void run(record.id, record.life.startedAtNs, command);
    timers.set(record.id, setTimeout(due, durationMs(config, isStarting ? 'StartInterval' : 'Interval')));
  }

  async function run(id: string, startedAtNs: string, command: string[]): Promise<void> {
    const before = catalog.get(id);
    if (before === undefined) return;
    // A paused container answers no probe; that says nothing of its health.
    const entry = before.life.phase === 'paused' ? undefined : await probe(parts, before, command);
    const record = catalog.get(id);
    const health = record?.life.health;
    if (record === undefined || health === undefined || record.life.startedAtNs !== startedAtNs || !timers.has(id))
      return;
    if (entry === undefined || record.life.phase !== 'running') {
      if (record.life.phase === 'paused' || record.life.phase === 'running') schedule(record, command);
      return;
    }
    const retries = record.config.Healthcheck?.Retries || defaultRetries;
    const next = withLife(record, { health: nextHealth(health, entry, retries, isInStartPeriod(record)) });
    catalog.put(next);
    const status = next.life.health?.Status;
    if (status !== health.Status) announce(events, next, `health_status: ${status}`);
    schedule(next, command);
  }

  return {
    watch(record) {
      const command = probeCommand(record);
      if (command === undefined) return;
      clearTimeout(timers.get(record.id));
      schedule(record, command);
    },
    forget(id) {
      clearTimeout(timers.get(id));
      timers.delete(id);
    },
    close() {
      for (const timer of timers.values()) clearTimeout(timer);
      timers.clear();
    },
  };
}
