import type { ExecCreateRequest, ExecInspect } from '#api';
import type { Records } from '#store';
import { detachBytes } from '../attach/detach-keys.ts';

/** How long an exec that is over can still be inspected. */
const keptAfterExitMs = 5 * 60_000;

/** A process asked for inside a running container. Immutable. */
export interface ExecRecord {
  readonly id: string;
  readonly containerId: string;
  readonly request: ExecCreateRequest;
  readonly command: readonly string[];
  readonly state: 'created' | 'starting' | 'running' | 'exited';
  readonly pid: number;
  readonly exitCode?: number;
  /** Milliseconds since the epoch. */
  readonly endedAtMs?: number;
}

/** The execs of this engine; durable, so that an exit code outlives the engine. */
export interface ExecStore {
  get(id: string): ExecRecord | undefined;
  put(record: ExecRecord): void;
  /** All that are not over. */
  unfinished(): ExecRecord[];
  /** Ids of a container's execs that are not over, those that were not started yet too. */
  open(containerId: string): string[];
  /** Drops all of a container's. */
  drop(containerId: string): void;
  /** Drops those that ended a while ago. */
  sweep(nowMs: number): void;
  /** Resolves when the exec has exited; at once when it has. */
  exited(id: string): Promise<void>;
}

/** Opens the store over the collection `execs`. */
export function openExecStore(records: Records): ExecStore {
  const collection = records.collection<ExecRecord>('execs');
  const byContainer = new Map<string, Set<string>>();
  const waiting = new Map<string, (() => void)[]>();
  const index = (record: ExecRecord): void => {
    const ids = byContainer.get(record.containerId) ?? new Set();
    byContainer.set(record.containerId, ids.add(record.id));
  };
  for (const record of collection.all()) index(record);

  function wake(id: string): void {
    for (const resolve of waiting.get(id) ?? []) resolve();
    waiting.delete(id);
  }

  function remove(record: ExecRecord): void {
    collection.delete(record.id);
    const ids = byContainer.get(record.containerId);
    ids?.delete(record.id);
    if (ids?.size === 0) byContainer.delete(record.containerId);
    wake(record.id);
  }

  const isUnfinished = ({ state }: ExecRecord): boolean => state === 'running' || state === 'starting';

  return {
    get: (id) => collection.get(id),
    unfinished: () => [...collection.all()].filter(isUnfinished),
    put(record) {
      collection.put(record);
      index(record);
      if (record.state === 'exited') wake(record.id);
    },
    open: (containerId) =>
      [...(byContainer.get(containerId) ?? [])].filter((id) => {
        const record = collection.get(id);
        return record !== undefined && record.state !== 'exited';
      }),
    drop(containerId) {
      for (const id of [...(byContainer.get(containerId) ?? [])]) {
        const record = collection.get(id);
        if (record !== undefined) remove(record);
      }
    },
    sweep(nowMs) {
      for (const record of [...collection.all()]) {
        if (record.endedAtMs !== undefined && nowMs - record.endedAtMs > keptAfterExitMs) remove(record);
      }
    },
    exited(id) {
      const record = collection.get(id);
      if (record === undefined || record.state === 'exited') return Promise.resolve();
      return new Promise((resolve) => waiting.set(id, [...(waiting.get(id) ?? []), resolve]));
    },
  };
}

/** The answer of `GET /exec/{id}/json`. */
export function inspectExec({ id, containerId, request, command, state, pid, exitCode }: ExecRecord): ExecInspect {
  const [entrypoint = '', ...args] = command;
  return {
    ID: id,
    Running: state === 'running' || state === 'starting',
    ExitCode: exitCode ?? null,
    ProcessConfig: {
      tty: request.Tty ?? false,
      entrypoint,
      arguments: args,
      privileged: request.Privileged ?? false,
      ...(request.User && { user: request.User }),
    },
    OpenStdin: request.AttachStdin ?? false,
    OpenStderr: request.AttachStderr ?? false,
    OpenStdout: request.AttachStdout ?? false,
    CanRemove: false,
    ContainerID: containerId,
    DetachKeys: request.DetachKeys ? detachBytes(request.DetachKeys).toString('base64') : '',
    Pid: pid,
  };
}
