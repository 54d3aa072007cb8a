import { join } from 'node:path';

/** Where the files of containers are. All of a container's durable files are in one directory, all volatile ones too. */
export interface ContainerPaths {
  readonly containersRoot: string;
  /** State of the OCI runtime. */
  readonly runtimeRoot: string;
  /** First part of the cgroup path of every container of this engine. */
  readonly cgroupParent: string;
  directory(id: string): string;
  log(id: string): string;
  hosts(id: string): string;
  hostname(id: string): string;
  resolvConf(id: string): string;
  bundle(id: string): string;
  /** The /dev/shm that a container shares with others. */
  sharedMemory(id: string): string;
  /** Parts of volumes and images, held fast while a container with them starts. */
  pins(id: string): string;
  execProcess(execId: string): string;
}

/** Lays a container's paths out below the engine's data root (durable) and exec root (gone with a reboot). */
export function containerPaths(dataRoot: string, execRoot: string, cgroupParent: string): ContainerPaths {
  const containersRoot = join(dataRoot, 'containers');
  const directory = (id: string): string => join(containersRoot, id);
  return {
    containersRoot,
    runtimeRoot: join(execRoot, 'runtime'),
    cgroupParent,
    directory,
    log: (id) => join(directory(id), `${id}-json.log`),
    hosts: (id) => join(directory(id), 'hosts'),
    hostname: (id) => join(directory(id), 'hostname'),
    resolvConf: (id) => join(directory(id), 'resolv.conf'),
    bundle: (id) => join(execRoot, 'bundles', id),
    sharedMemory: (id) => join(execRoot, 'shared-memory', id),
    pins: (id) => join(execRoot, 'pins', id),
    execProcess: (execId) => join(execRoot, 'execs', `${execId}.json`),
  };
}
