import { existsSync } from 'node:fs';
import type { ExecCreateRequest } from '#api';
import type { ImageRecord, Images } from '#images';
import type { OciProcess, OciSpec } from '#oci';
import { fail } from '#std/errors';
import { lazy } from '#std/lazy';
import type { Volumes } from '#volumes';
import type { Catalog } from './catalog.ts';
import type { PreparedMounts } from './create/create.ts';
import { cgroupOf } from './exit/release.ts';
import type { ContainerPaths } from './paths.ts';
import type { ContainerRecord } from './record.ts';
import {
  buildProcess,
  buildSpec,
  readBlockLimits,
  readContainerDevices,
  readHostFacts,
  readUserDatabase,
  resolveUser,
  sharedProcess,
} from './spec/index.ts';
import { hostnameOf } from './start/files.ts';
import type { StartFacts } from './start/launch.ts';
import { joinedContainer, namespacesFor } from './start/namespaces.ts';

/** Where Debian and others put the init that `--init` gives a container. */
const initBinaries = ['/usr/bin/tini-static', '/usr/bin/docker-init', '/usr/bin/tini', '/sbin/tini'];

/** Everything that turns records into what the runtime is told. */
export interface Specification {
  buildSpec(record: ContainerRecord, facts: StartFacts): OciSpec;
  buildProcess(record: ContainerRecord, request: ExecCreateRequest): OciProcess;
  validate(record: ContainerRecord): string[];
  prepareMounts(record: ContainerRecord, image: ImageRecord): Promise<PreparedMounts>;
}

/** What it asks of others. */
export interface SpecificationParts {
  readonly catalog: Catalog;
  readonly images: Images;
  readonly volumes: Volumes;
  readonly paths: ContainerPaths;
}

function initBinary({ hostConfig }: ContainerRecord): string | undefined {
  if (hostConfig.Init !== true) return undefined;
  const found = initBinaries.find((path) => existsSync(path));
  if (found === undefined) throw fail('unavailable', 'no init binary for --init is installed: apt-get install tini');
  return found;
}

/** Binds the pure builders of `spec/` to this host and to the other containers. */
export function createSpecification({ catalog, images, paths }: SpecificationParts): Specification {
  const host = lazy(readHostFacts);

  function filesOf({ id, hostConfig }: ContainerRecord): { hosts: string; hostname: string; resolvConf: string } {
    const owner = joinedContainer(catalog, hostConfig.NetworkMode)?.id ?? id;
    return { hosts: paths.hosts(owner), hostname: paths.hostname(owner), resolvConf: paths.resolvConf(owner) };
  }

  return {
    buildSpec(record, { rootfs, sandbox }) {
      const { config, hostConfig } = record;
      const init = initBinary(record);
      const sharer = joinedContainer(catalog, hostConfig.IpcMode);
      return buildSpec({
        config,
        hostConfig,
        host: host(),
        rootfs,
        hostname: hostnameOf(record),
        namespaces: namespacesFor(catalog, record, sandbox),
        joinsNetwork: hostConfig.NetworkMode.startsWith('container:'),
        user: resolveUser(config.User, readUserDatabase(rootfs), hostConfig.GroupAdd ?? []),
        devices: readContainerDevices(hostConfig),
        block: readBlockLimits(hostConfig),
        mounts: [],
        files: filesOf(record),
        ...(init !== undefined && { initBinary: init }),
        ...(sharer !== undefined && { sharedMemoryPath: `/proc/${sharer.life.pid}/root/dev/shm` }),
        cgroupsPath: cgroupOf(record, paths),
        defaultUlimits: [],
        seccomp: undefined,
      });
    },
    buildProcess(record, request) {
      const { config, hostConfig, id } = record;
      const database = readUserDatabase(images.rootfs.mount(id));
      return buildProcess({
        request,
        config,
        hostname: hostnameOf(record),
        main: sharedProcess(hostConfig, host(), []),
        user: resolveUser(request.User || config.User, database, hostConfig.GroupAdd ?? []),
        available: host().capabilities,
      });
    },
    validate: () => [],
    prepareMounts: async () => ({ points: [], anonymousVolumes: [] }),
  };
}
