import type { Sandbox } from '#networks';
import { fail } from '#std/errors';
import type { Catalog } from '../catalog.ts';
import { type ContainerRecord, hasProcess } from '../record.ts';
import type { NamespaceChoice, NamespaceChoices } from '../spec/index.ts';

/** The running container that a mode such as `container:web` names; undefined for other modes. */
export function joinedContainer(catalog: Catalog, mode: string): ContainerRecord | undefined {
  if (!mode.startsWith('container:')) return undefined;
  const target = catalog.find(mode.slice('container:'.length));
  if (!hasProcess(target)) {
    throw fail(
      'conflict',
      `cannot join network namespace of a non running container: container ${target.id} is not running`,
    );
  }
  return target;
}

/** Which namespaces a container joins, and which it gets of its own. */
export function namespacesFor(
  catalog: Catalog,
  { hostConfig }: ContainerRecord,
  sandbox: Sandbox | undefined,
): NamespaceChoices {
  const choice = (mode: string, file: string): NamespaceChoice => {
    if (mode === 'host') return 'host';
    const target = joinedContainer(catalog, mode);
    return target === undefined ? 'private' : { path: `/proc/${target.life.pid}/ns/${file}` };
  };
  return {
    network: sandbox === undefined ? choice(hostConfig.NetworkMode, 'net') : { path: sandbox.namespacePath },
    pid: choice(hostConfig.PidMode, 'pid'),
    ipc: choice(hostConfig.IpcMode, 'ipc'),
    uts: hostConfig.UTSMode === 'host' ? 'host' : 'private',
    cgroup: hostConfig.CgroupnsMode === 'host' ? 'host' : 'private',
  };
}
