import { constants } from 'node:os';
import type { ExitReason } from '#api';
import type { KeptProcess } from '#keeper';
import type { ContainerRecord, EndRequest } from '../record.ts';

/** Signals that the kernel sends to a process for what that process did itself. */
const faults: ReadonlySet<number> = new Set([
  constants.signals.SIGSEGV,
  constants.signals.SIGBUS,
  constants.signals.SIGILL,
  constants.signals.SIGFPE,
  constants.signals.SIGSYS,
  constants.signals.SIGTRAP,
]);
const { SIGKILL, SIGABRT } = constants.signals;
const names: ReadonlyMap<number, string> = new Map(
  // The first name of a number is the usual one: SIGABRT, not SIGIOT.
  Object.entries(constants.signals)
    .reverse()
    .map(([name, number]) => [number, name]),
);

/** `SIGTERM`, `SIGRTMIN+3`, … */
export function signalName(signal: number): string {
  return names.get(signal) ?? (signal >= 34 ? `SIGRTMIN+${signal - 34}` : String(signal));
}

/** How a main process ended, as far as anybody can tell. */
export interface End {
  /** Undefined when the keeper knows nothing of the process. */
  readonly exit: KeptProcess['exit'];
  /** The kernel killed a process of the container for want of memory. */
  readonly isOutOfMemory: boolean;
}

const requests: Readonly<Record<EndRequest['by'], string>> = {
  kill: 'a client asked for (kill)',
  stop: 'a client asked for (stop)',
  remove: 'a client asked for (forced removal)',
  health: "the container's health check asked for (OnFailure)",
  shutdown: 'the stop of the engine with all its containers asked for',
};

function askedBy({ by }: EndRequest): ExitReason['By'] {
  return by === 'health' || by === 'shutdown' ? 'engine' : 'client';
}

function signalReason(signal: number, record: ContainerRecord, isOutOfMemory: boolean): ExitReason {
  const Signal = signalName(signal);
  const { ending } = record.life;
  if (ending?.signal === signal) {
    return {
      Cause: 'signal',
      By: askedBy(ending),
      Signal,
      Message: `ended by ${Signal}, which ${requests[ending.by]}`,
    };
  }
  if (isOutOfMemory && signal === SIGKILL) {
    return { Cause: 'oom', By: 'kernel', Signal, Message: 'killed by the kernel: the container was out of memory' };
  }
  if (faults.has(signal)) {
    return {
      Cause: 'signal',
      By: 'kernel',
      Signal,
      Message: `ended by the kernel with ${Signal}: a fault of the process`,
    };
  }
  // The kernel keeps all other signals of its own namespace from a process that is the first of it.
  const isFirst = record.hostConfig.PidMode === '' && record.hostConfig.Init !== true;
  if (signal === SIGABRT || !isFirst) {
    return {
      Cause: 'signal',
      By: 'process',
      Signal,
      Message: `ended by ${Signal}, sent by itself or by a process beside it`,
    };
  }
  return { Cause: 'signal', By: 'host', Signal, Message: `ended by ${Signal}, sent by a process of the host` };
}

/** Why a main process is no more: what inspect shows as `State.ExitReason`. */
export function exitReason(record: ContainerRecord, { exit, isOutOfMemory }: End): ExitReason {
  if (exit?.code === undefined) {
    return { Cause: 'lost', By: 'unknown', Message: 'neither engine nor keeper was there when the process ended' };
  }
  if (exit.signal !== undefined) return signalReason(exit.signal, record, isOutOfMemory);
  const { ending } = record.life;
  const code = `exited with code ${exit.code}`;
  if (ending !== undefined) {
    const asked = `after ${signalName(ending.signal)}, which ${requests[ending.by]}`;
    return { Cause: 'exit', By: askedBy(ending), Signal: signalName(ending.signal), Message: `${code} ${asked}` };
  }
  const memory = isOutOfMemory ? ', after the kernel had killed one of its processes for want of memory' : '';
  return { Cause: 'exit', By: 'process', Message: `${code}${memory}` };
}
