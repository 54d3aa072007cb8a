import type { Sandbox } from '#networks';
import { type ErrorKind, fail, messageOf } from '#std/errors';
import type { Catalog } from '../catalog.ts';
import { type ContainerRecord, hasProcess } from '../record.ts';
import type { NamespaceChoice, NamespaceChoices } from '../spec/index.ts';

type Joinable = 'network' | 'PID' | 'IPC';

/** How Docker answers each: with statuses of its own for what is the same mistake. */
const answers: Readonly<
  Record<Joinable, { readonly gone: ErrorKind; readonly stopped: ErrorKind; readonly words: string }>
> = {
  network: { gone: 'internal', stopped: 'conflict', words: 'joining network namespace of container' },
  PID: { gone: 'internal', stopped: 'internal', words: 'failed to join PID namespace' },
  IPC: { gone: 'invalid-argument', stopped: 'conflict', words: 'failed to join IPC namespace' },
};

function notRunning(kind: Joinable, { id, name, life }: ContainerRecord): Error {
  const text =
    kind === 'network'
      ? `cannot join network namespace of a non running container: container ${name} is ${life.phase}`
      : `${answers[kind].words}: container ${id} is not running`;
  return fail(answers[kind].stopped, text);
}

function findTarget(catalog: Catalog, kind: Joinable, name: string): ContainerRecord {
  try {
    return catalog.find(name);
  } catch (error) {
    throw fail(answers[kind].gone, `${answers[kind].words}: ${messageOf(error)}`, error);
  }
}

/** The running container that a mode such as `container:web` names; undefined for other modes. */
export function joinedContainer(catalog: Catalog, kind: Joinable, mode: string): ContainerRecord | undefined {
  if (!mode.startsWith('container:')) return undefined;
  const target = findTarget(catalog, kind, mode.slice('container:'.length));
  if (!hasProcess(target)) throw notRunning(kind, target);
  return target;
}

/** Which namespaces a container joins, and which it gets of its own. */
export function namespacesFor(
  catalog: Catalog,
  { hostConfig }: ContainerRecord,
  sandbox: Sandbox | undefined,
): NamespaceChoices {
  const choice = (kind: Joinable, mode: string, file: string): NamespaceChoice => {
    if (mode === 'host') return 'host';
    const target = joinedContainer(catalog, kind, mode);
    return target === undefined ? 'private' : { path: `/proc/${target.life.pid}/ns/${file}` };
  };
  return {
    network: sandbox === undefined ? choice('network', hostConfig.NetworkMode, 'net') : { path: sandbox.namespacePath },
    pid: choice('PID', hostConfig.PidMode, 'pid'),
    ipc: choice('IPC', hostConfig.IpcMode, 'ipc'),
    uts: hostConfig.UTSMode === 'host' ? 'host' : 'private',
    cgroup: hostConfig.CgroupnsMode === 'host' ? 'host' : 'private',
  };
}
