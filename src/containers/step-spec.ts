import type { ContainerConfig, HostConfig } from '#api';
import { cgroupLayout } from '#linux/cgroups';
import type { OciSpec } from '#oci';
import { lazy } from '#std/lazy';
import { completeHostConfig } from './create/host-defaults.ts';
import { mergeConfig } from './create/merge.ts';
import {
  buildSpec,
  type ContainerMount,
  type NamespaceChoice,
  readBlockLimits,
  readContainerDevices,
  readHostFacts,
  readUserDatabase,
  resolveUser,
} from './spec/index.ts';
import type { ContainerUser } from './spec/users.ts';
import { validateResources } from './spec/validate-resources.ts';

const host = lazy(readHostFacts);

/** A process that has all that a container's has, but is in no record: a step of a build. */
export interface StepSpecRequest {
  /** `Env`, `Hostname`, `Entrypoint` and so on: what is left out is as in a container that does not ask for it. */
  readonly config: Partial<ContainerConfig>;
  readonly hostConfig: Partial<HostConfig>;
  /** Mounted root file system. */
  readonly rootfs: string;
  readonly user: ContainerUser;
  readonly network: NamespaceChoice;
  /** In the place of the generated files of a container, /etc/hosts and so on, there are mounts of the caller's, or none. */
  readonly mounts: readonly ContainerMount[];
  readonly cgroupsPath: string;
}

/** The user of a step, in the file system that it runs in; throws `internal` in Docker's words for one that it does not know. */
export function stepUser(rootfs: string, user: string): ContainerUser {
  return resolveUser(user, readUserDatabase(rootfs));
}

/** The specification of a step: the isolation of a container, by the same code. Throws in Docker's words for bad limits. */
export function stepSpec(request: StepSpecRequest): OciSpec {
  const { rootfs, user, network, mounts, cgroupsPath } = request;
  const hostConfig = completeHostConfig(request.hostConfig, cgroupLayout().version);
  const config = mergeConfig(request.config, {});
  validateResources(hostConfig, host());
  return buildSpec({
    config,
    hostConfig,
    host: host(),
    rootfs,
    hostname: config.Hostname,
    linkEnvironment: [],
    namespaces: {
      network,
      pid: 'private',
      ipc: 'private',
      uts: 'private',
      cgroup: hostConfig.CgroupnsMode === 'host' ? 'host' : 'private',
    },
    joinsNetwork: false,
    user,
    devices: readContainerDevices(hostConfig),
    block: readBlockLimits(hostConfig),
    mounts,
    files: {},
    loadsPrograms: true,
    cgroupsPath,
    defaultUlimits: [],
  });
}
