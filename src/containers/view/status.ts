import type { ContainerState, ContainerStatus } from '#api';
import { humanDuration } from '#std/duration';
import { formatTime, nowNs, zeroTime } from '#std/time';
import { type ContainerRecord, hasProcess, isRunning } from '../record.ts';

function since(ns: string): string {
  return ns === '' ? '' : humanDuration(Number((nowNs() - BigInt(ns)) / 1_000_000n));
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
    ...(life.exitReason !== undefined && { ExitReason: life.exitReason }),
  };
}
