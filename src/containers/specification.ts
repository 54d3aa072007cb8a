import { existsSync } from 'node:fs';
import type { ExecCreateRequest } from '#api';
import type { Images } from '#images';
import { joiningFiles } from '#linux/cgroups';
import type { Networks } from '#networks';
import type { OciProcess, OciSpec } from '#oci';
import { fail } from '#std/errors';
import { lazy } from '#std/lazy';
import type { Volumes } from '#volumes';
import type { Catalog } from './catalog.ts';
import { fillVolumes } from './create/fill.ts';
import { cgroupOf } from './exit/release.ts';
import { isReproducible, type ProbeProcess } from './health/probe-script.ts';
import { linkEnvironment } from './links/environment.ts';
import { type LinkedContainer, linkedContainers } from './links/links.ts';
import type { ContainerPaths } from './paths.ts';
import { type ContainerRecord, hasProcess } from './record.ts';
import type { Runtimes } from './runtimes.ts';
import {
  buildProcess,
  buildSpec,
  builtinFilter,
  checkShareableIpc,
  containerMounts,
  type HostFacts,
  mountSharedMemory,
  type PreparedMounts,
  planMounts,
  prepareMounts,
  readBlockLimits,
  readContainerDevices,
  readHostFacts,
  readUserDatabase,
  resolveUser,
  type SnapshotMaker,
  sharedProcess,
  validateCreation,
} from './spec/index.ts';
import type { StartFacts } from './start/launch.ts';
import { joinedContainer, namespacesFor } from './start/namespaces.ts';
import type { CreateOptions } from './types.ts';

/** Where Debian and others put the init that `--init` gives a container. */
const initBinaries = ['/usr/bin/tini-static', '/usr/bin/docker-init', '/usr/bin/tini', '/sbin/tini'];

/** Everything that turns records into what the runtime is told. */
export interface Specification {
  /** What this host allows, read at the first call. */
  hostFacts(): HostFacts;
  buildSpec(record: ContainerRecord, facts: StartFacts): OciSpec;
  buildProcess(record: ContainerRecord, request: ExecCreateRequest): OciProcess;
  /** The process of a health probe; undefined when only the runtime can make it as it would make an exec's. */
  probeProcess(record: ContainerRecord, command: readonly string[]): ProbeProcess | undefined;
  validate(record: ContainerRecord, askedHostname: string): string[];
  prepareMounts(record: ContainerRecord, options: CreateOptions): Promise<PreparedMounts>;
  /** Fills new volumes with what the image has in their places. */
  fillVolumes(record: ContainerRecord): Promise<void>;
}

/** What it asks of others. */
export interface SpecificationParts {
  readonly catalog: Catalog;
  readonly images: Images;
  readonly volumes: Volumes;
  readonly networks: Networks;
  readonly runtimes: Runtimes;
  readonly paths: ContainerPaths;
  readonly dataRoot: string;
}

function initBinary({ hostConfig }: ContainerRecord): string | undefined {
  if (hostConfig.Init !== true) return undefined;
  const found = initBinaries.find((path) => existsSync(path));
  if (found === undefined) throw fail('unavailable', 'no init binary for --init is installed: apt-get install tini');
  return found;
}

/** Binds the pure builders of `spec/` to this host and to the other containers. */
export function createSpecification(parts: SpecificationParts): Specification {
  const { catalog, images, volumes, networks, runtimes, paths, dataRoot } = parts;
  const host = lazy(readHostFacts);
  const snapshots: SnapshotMaker = {
    create(snapshot, reference) {
      const image = images.resolve(reference);
      images.rootfs.create(snapshot, image);
      return { image: image.id, path: images.rootfs.describe(snapshot).Data.MergedDir ?? '' };
    },
    remove: (snapshot) => images.rootfs.remove(snapshot),
  };

  function filesOf({ id, hostConfig }: ContainerRecord): { hosts: string; hostname: string; resolvConf: string } {
    const owner = joinedContainer(catalog, 'network', hostConfig.NetworkMode)?.id ?? id;
    return { hosts: paths.hosts(owner), hostname: paths.hostname(owner), resolvConf: paths.resolvConf(owner) };
  }

  /** Those of a container's links that lead to one that runs now. */
  function linksNow(record: ContainerRecord): LinkedContainer[] {
    const address = (id: string): string | undefined => networks.sandbox(id)?.endpoints.bridge?.IPAddress;
    const { Links } = record.hostConfig;
    return (Links ?? []).flatMap((link) => {
      const one = { ...record, hostConfig: { ...record.hostConfig, Links: [link] } };
      const target = catalog.get(link.split(':', 1)[0] ?? '');
      return target !== undefined && hasProcess(target) ? linkedContainers(one, catalog, address) : [];
    });
  }

  /** Where /dev/shm is on the host, for a container that shares its own or takes another's. */
  function sharedMemory({ id, hostConfig }: ContainerRecord): { sharedMemoryPath?: string } {
    const donor = joinedContainer(catalog, 'IPC', hostConfig.IpcMode);
    if (donor !== undefined) {
      checkShareableIpc(donor);
      return { sharedMemoryPath: paths.sharedMemory(donor.id) };
    }
    if (hostConfig.IpcMode !== 'shareable') return {};
    mountSharedMemory(paths.sharedMemory(id), hostConfig.ShmSize);
    return { sharedMemoryPath: paths.sharedMemory(id) };
  }

  function execProcess(record: ContainerRecord, request: ExecCreateRequest): OciProcess {
    const { config, hostConfig, id } = record;
    const database = readUserDatabase(images.rootfs.mount(id));
    return buildProcess({
      request,
      config,
      hostname: config.Hostname,
      linkEnvironment: linkEnvironment(linksNow(record)),
      main: sharedProcess(hostConfig, host(), []),
      user: resolveUser(request.User || config.User, database, hostConfig.GroupAdd ?? []),
      available: host().capabilities,
    });
  }

  return {
    hostFacts: host,
    buildSpec(record, { rootfs, sandbox, mountSources, links }) {
      const { config, hostConfig, mounts } = record;
      const init = initBinary(record);
      return buildSpec({
        config,
        hostConfig,
        host: host(),
        rootfs,
        hostname: config.Hostname,
        linkEnvironment: linkEnvironment(links),
        loadsPrograms: runtimes.ofRecord(record).loadsPrograms,
        namespaces: namespacesFor(catalog, record, sandbox),
        joinsNetwork: hostConfig.NetworkMode.startsWith('container:'),
        user: resolveUser(config.User, readUserDatabase(rootfs), hostConfig.GroupAdd ?? []),
        devices: readContainerDevices(hostConfig),
        block: readBlockLimits(hostConfig),
        mounts: containerMounts({
          hostConfig,
          points: mounts,
          options: record.mountOptions ?? {},
          sources: mountSources,
        }),
        files: filesOf(record),
        ...(init !== undefined && { initBinary: init }),
        ...sharedMemory(record),
        cgroupsPath: cgroupOf(record, paths),
        defaultUlimits: [],
      });
    },
    buildProcess: execProcess,
    probeProcess(record, command) {
      const { hostConfig } = record;
      const process = execProcess(record, { Cmd: [...command] });
      const filter = builtinFilter(hostConfig, host(), process.capabilities?.bounding ?? []);
      if (filter === 'custom' || !isReproducible(process) || !runtimes.isBuiltin(hostConfig.Runtime)) return undefined;
      return { process, filter, cgroupFiles: joiningFiles(cgroupOf(record, paths)) };
    },
    validate: ({ config, hostConfig, endpoints }, askedHostname) =>
      validateCreation({
        config,
        hostConfig,
        endpoints,
        askedHostname,
        networks,
        host: host(),
        runtimes: runtimes.names(),
        checkContainer: (name) => catalog.find(name),
      }),
    prepareMounts({ id, config, hostConfig }, { shallowReadOnly }) {
      const plan = planMounts({
        config,
        hostConfig,
        dataRoot,
        mountsOf: (name) => {
          const { mounts, mountOptions = {} } = catalog.find(name);
          return { points: mounts, options: mountOptions };
        },
        ...(shallowReadOnly !== undefined && { shallowReadOnly }),
      });
      return prepareMounts(id, plan, volumes, snapshots);
    },
    fillVolumes: (record) => fillVolumes(record, { rootfs: images.rootfs, volumes, paths }),
  };
}
