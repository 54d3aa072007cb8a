import type { ContainerState, ContainerStatus } from '#api';
import { formatTime, nowNs, zeroTime } from '#std/time';
import { type ContainerRecord, hasProcess, isRunning } from '../record.ts';

/** A span of time as Docker words it, of a number of whole seconds. */
export function humanDuration(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(seconds / 3600 + 0.5);
  if (seconds < 1) return 'Less than a second';
  if (seconds < 2) return '1 second';
  if (seconds < 60) return `${Math.floor(seconds)} seconds`;
  if (minutes === 1) return 'About a minute';
  if (minutes < 60) return `${minutes} minutes`;
  if (hours === 1) return 'About an hour';
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.floor(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.floor(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.floor(hours / 24 / 30)} months`;
  return `${Math.floor(seconds / 3600 / 24 / 365)} years`;
}

function since(ns: string): string {
  return ns === '' ? '' : humanDuration(Number((nowNs() - BigInt(ns)) / 1_000_000n) / 1000);
}

/** The API's word for a container's phase. */
export function statusOf({ life }: ContainerRecord): ContainerStatus {
  return life.phase;
}

/** The `Status` column of container lists: `Up 3 minutes (healthy)`, `Exited (0) 5 seconds ago`, … */
export function statusText(record: ContainerRecord): string {
  const { phase, exitCode, startedAtNs, finishedAtNs, health } = record.life;
  switch (phase) {
    case 'created':
      return 'Created';
    case 'removing':
      return 'Removal In Progress';
    case 'restarting':
      return `Restarting (${exitCode}) ${since(finishedAtNs)} ago`;
    case 'exited':
      return finishedAtNs === '' ? '' : `Exited (${exitCode}) ${since(finishedAtNs)} ago`;
    case 'paused':
      return `Up ${since(startedAtNs)} (Paused)`;
    case 'running': {
      const suffix =
        health === undefined || health.Status === 'none'
          ? ''
          : health.Status === 'starting'
            ? 'health: starting'
            : health.Status;
      return `Up ${since(startedAtNs)}${suffix === '' ? '' : ` (${suffix})`}`;
    }
  }
}

function timeOf(ns: string): string {
  return ns === '' ? zeroTime : formatTime(BigInt(ns));
}

/** The `State` of inspect. */
export function stateOf(record: ContainerRecord): ContainerState {
  const { life } = record;
  return {
    Status: statusOf(record),
    Running: isRunning(record),
    Paused: life.phase === 'paused',
    Restarting: life.phase === 'restarting',
    OOMKilled: life.oomKilled,
    Dead: false,
    Pid: hasProcess(record) ? life.pid : 0,
    ExitCode: life.exitCode,
    Error: life.error,
    StartedAt: timeOf(life.startedAtNs),
    FinishedAt: timeOf(life.finishedAtNs),
    ...(life.health !== undefined && { Health: life.health }),
  };
}
