import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerPaths } from './paths.ts';
import type { ContainerRecord } from './record.ts';

/** A runtime as the engine's settings name one. */
export interface RuntimeSetting {
  readonly path: string;
  readonly runtimeArgs?: readonly string[];
}

/** What runs a container. */
export interface Runtime {
  readonly path: string;
  /** Arguments before the command; the keeper's own for crun when not given. */
  readonly runtimeArguments?: readonly string[];
  /** crun loads a filter that is a program; others make theirs from rules. */
  readonly loadsPrograms: boolean;
}

/** The runtime of containers that name none. */
export const defaultRuntime = 'crun';

/** Runtimes by name: crun, runc where it is installed, and those of the engine's settings. */
export interface Runtimes {
  names(): string[];
  /** Whether a name means crun or runc, which make just the processes that they are told to. */
  isBuiltin(name: string): boolean;
  /** The runtime of a name that was checked. */
  ofRecord(record: Pick<ContainerRecord, 'hostConfig'>): Runtime;
  /** The runtime that a container runs by: the one that has its state, whatever its name means by now. */
  running(record: ContainerRecord): Runtime;
}

/** Docker's names of runc: where there is none, crun, which does the same, answers to them. */
const namesOfRunc = ['runc', 'io.containerd.runc.v2'];

/** What runtimes are made of. */
export interface RuntimeParts {
  /** Path of crun. */
  readonly runtime: string;
  /** Path of runc; undefined when it is not installed. */
  readonly runc: string | undefined;
  readonly runtimes: () => Readonly<Record<string, RuntimeSetting>>;
  readonly paths: ContainerPaths;
}

/** Makes the table of runtimes. */
export function createRuntimes({ runtime, runc, runtimes, paths }: RuntimeParts): Runtimes {
  const crun: Runtime = { path: runtime, loadsPrograms: true };

  function ofRecord({ hostConfig }: Pick<ContainerRecord, 'hostConfig'>): Runtime {
    const setting = runtimes()[hostConfig.Runtime];
    if (setting !== undefined) {
      return { path: setting.path, runtimeArguments: setting.runtimeArgs ?? [], loadsPrograms: false };
    }
    if (runc === undefined || !namesOfRunc.includes(hostConfig.Runtime)) return crun;
    return { path: runc, runtimeArguments: [], loadsPrograms: false };
  }

  return {
    names: () => [...new Set([defaultRuntime, ...namesOfRunc, ...Object.keys(runtimes())])],
    isBuiltin: (name) => runtimes()[name] === undefined,
    ofRecord,
    running: (record) => (existsSync(join(paths.runtimeRoot, record.id, 'state.json')) ? ofRecord(record) : crun),
  };
}

/** What the keeper is told of a runtime. */
export function startedBy({ path, runtimeArguments }: Runtime): {
  runtime: string;
  runtimeArguments?: readonly string[];
} {
  return { runtime: path, ...(runtimeArguments !== undefined && { runtimeArguments }) };
}
