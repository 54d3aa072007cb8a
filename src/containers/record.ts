import type { ContainerConfig, EndpointSettings, ExitReason, HealthState, HostConfig, MountPoint } from '#api';
import type { MountOptionsTable } from './spec/index.ts';

/**
 * Where a container is in its life. `created` -> `running` <-> `paused` -> `exited` -> `running` …, with `restarting`
 * between an exit and the start that its restart policy asks for, and `removing` -> gone from anywhere.
 */
export type Phase = 'created' | 'running' | 'paused' | 'restarting' | 'exited' | 'removing';

/** A signal that was sent to end the main process: until it has ended, the likely cause. */
export interface EndRequest {
  readonly signal: number;
  readonly by: 'kill' | 'stop' | 'remove' | 'health' | 'shutdown';
}

export interface Life {
  readonly phase: Phase;
  /** Host pid of the main process; 0 unless running or paused. */
  readonly pid: number;
  readonly exitCode: number;
  readonly error: string;
  readonly oomKilled: boolean;
  /** Nanoseconds since the epoch in decimal; empty for never. */
  readonly startedAtNs: string;
  readonly finishedAtNs: string;
  /** Starts by the restart policy since the last start by a person. */
  readonly restartCount: number;
  /** A person stopped it: `unless-stopped` leaves it alone then. */
  readonly stoppedByHand: boolean;
  /** Paused by the engine itself, for as long as something takes: not to outlive that engine. */
  readonly isBriefPause?: boolean;
  readonly health?: HealthState;
  readonly ending?: EndRequest;
  /** Of the last end, or the last start that failed. */
  readonly exitReason?: ExitReason;
}

/** Everything durable about a container. Immutable: a change is a successor put into the catalog. */
export interface ContainerRecord {
  readonly id: string;
  /** Without the leading slash of the API. */
  readonly name: string;
  readonly createdAtNs: string;
  /** Digest of the image's configuration. */
  readonly imageId: string;
  /** Merged with the image's. */
  readonly config: ContainerConfig;
  readonly hostConfig: HostConfig;
  readonly endpoints: Readonly<Record<string, Partial<EndpointSettings>>>;
  readonly mounts: readonly MountPoint[];
  /** What the mounts are to be like beyond what inspect shows of them, by destination. */
  readonly mountOptions?: MountOptionsTable;
  /** Names of the volumes that have no name of the user's: removed with the container when asked. */
  readonly anonymousVolumes: readonly string[];
  readonly platform: string;
  readonly life: Life;
}

export const neverStarted: Life = {
  phase: 'created',
  pid: 0,
  exitCode: 0,
  error: '',
  oomKilled: false,
  startedAtNs: '',
  finishedAtNs: '',
  restartCount: 0,
  stoppedByHand: false,
};

/** The record with some fields of its life replaced. */
export function withLife(record: ContainerRecord, change: Partial<Life>): ContainerRecord {
  return { ...record, life: { ...record.life, ...change } };
}

/** Running in the sense of the Engine API: a paused container runs, and so does one waiting for its restart. */
export function isRunning({ life }: ContainerRecord): boolean {
  return life.phase === 'running' || life.phase === 'paused' || life.phase === 'restarting';
}

/** Whether a main process lives: running or paused. */
export function hasProcess({ life }: ContainerRecord): boolean {
  return life.phase === 'running' || life.phase === 'paused';
}

/** The program and its arguments: entrypoint, then command. */
export function commandLine({ config }: ContainerRecord): { path: string; args: string[] } {
  const [path = '', ...args] = [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])];
  return { path, args };
}
