import type { ContainerRecord } from '../record.ts';

const firstDelayMs = 100;
const maximumDelayMs = 60_000;
/** A run this long counts as a success: the next delay is the first again. */
const goodRunMs = 10_000;

/** Whether a container that has just exited is to be started again. */
export function restartsAfterExit({ hostConfig, life }: ContainerRecord): boolean {
  const { Name, MaximumRetryCount } = hostConfig.RestartPolicy;
  if (life.stoppedByHand) return false;
  switch (Name) {
    case 'always':
    case 'unless-stopped':
      return true;
    case 'on-failure':
      return life.exitCode !== 0 && (MaximumRetryCount === 0 || life.restartCount < MaximumRetryCount);
    default:
      return false;
  }
}

/** Whether a container that does not run is to be started when the engine starts. */
export function restartsWithEngine(record: ContainerRecord): boolean {
  const { phase, startedAtNs, stoppedByHand } = record.life;
  if (phase === 'restarting') return true;
  if (phase !== 'exited' || startedAtNs === '') return false;
  // `always` starts with the engine also what was stopped by hand; that is its difference to `unless-stopped`.
  return record.hostConfig.RestartPolicy.Name === 'always' || (!stoppedByHand && restartsAfterExit(record));
}

/** The next back-off: doubled from the last, from 100 ms to a minute, and from the start again after a good run. */
export function nextDelayMs(lastDelayMs: number | undefined, { life }: ContainerRecord): number {
  const ranMs = Number((BigInt(life.finishedAtNs || 0) - BigInt(life.startedAtNs || 0)) / 1_000_000n);
  if (lastDelayMs === undefined || ranMs > goodRunMs) return firstDelayMs;
  return Math.min(lastDelayMs * 2, maximumDelayMs);
}
