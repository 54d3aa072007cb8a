import { type Containers, logDriverNames } from '#containers';
import type { Images } from '#images';
import { formatTime, nowNs } from '#std/time';
import type { Volumes } from '#volumes';
import type { Endpoint } from '../exchange.ts';
import { json } from '../exchange.ts';
import { asOf } from '../gates.ts';
import { infoGates } from '../shapes.ts';
import type { SystemInformation } from './types.ts';
import { hostWarnings } from './warnings.ts';

/** The registry part; the index address is the protocol's own constant, and what is of this machine needs no certificate. */
function describeRegistries({ mirrors, insecure }: SystemInformation['registries']): object {
  const isNetwork = (entry: string): boolean => /^[0-9a-fA-F.:]+\/\d+$/.test(entry);
  const named = insecure.filter((entry) => !isNetwork(entry));
  const official = {
    Mirrors: mirrors.map((mirror) => mirror.replace(/\/?$/, '/')),
    Name: 'docker.io',
    Official: true,
    Secure: true,
  };
  return {
    IndexConfigs: {
      'docker.io': official,
      ...Object.fromEntries(named.map((Name) => [Name, { Mirrors: [], Name, Official: false, Secure: false }])),
    },
    InsecureRegistryCIDRs: ['::1/128', '127.0.0.0/8', ...insecure.filter(isNetwork)],
    Mirrors: mirrors.length === 0 ? null : official.Mirrors,
  };
}

function describeHost({ host, cgroups }: SystemInformation): object {
  return {
    Name: host.name,
    KernelVersion: host.kernelVersion,
    OperatingSystem: host.operatingSystem,
    OSVersion: host.operatingSystemVersion,
    OSType: 'linux',
    Architecture: host.machine,
    NCPU: host.processors,
    MemTotal: host.memoryBytes,
    IPv4Forwarding: host.ipv4Forwarding,
    MemoryLimit: cgroups.memoryLimit,
    SwapLimit: cgroups.swapLimit,
    CpuCfsPeriod: cgroups.cpuQuota,
    CpuCfsQuota: cgroups.cpuQuota,
    CPUShares: cgroups.cpuShares,
    CPUSet: cgroups.cpuset,
    PidsLimit: cgroups.pidsLimit,
    OomKillDisable: cgroups.oomKillDisable,
    CgroupDriver: cgroups.driver,
    CgroupVersion: cgroups.version,
  };
}

function describeEngine(system: SystemInformation, volumeDrivers: readonly string[]) {
  const { fileDescriptors, eventListeners } = system.counts();
  const warnings = [...hostWarnings(system), ...system.warnings()];
  return {
    ID: system.id,
    Driver: system.storage.driver,
    DriverStatus: system.storage.status,
    Plugins: { Volume: volumeDrivers, Network: ['bridge', 'host', 'null'], Authorization: null, Log: logDriverNames },
    Debug: system.debug,
    NFd: fileDescriptors,
    NGoroutines: 0,
    NEventsListener: eventListeners,
    SystemTime: formatTime(nowNs()),
    LoggingDriver: system.loggingDriver,
    IndexServerAddress: 'https://index.docker.io/v1/',
    RegistryConfig: describeRegistries(system.registries),
    GenericResources: null,
    DockerRootDir: system.dataRoot,
    HttpProxy: proxy('HTTP_PROXY'),
    HttpsProxy: proxy('HTTPS_PROXY'),
    NoProxy: process.env.NO_PROXY ?? process.env.no_proxy ?? '',
    Labels: system.labels,
    ExperimentalBuild: false,
    ServerVersion: system.version,
    Runtimes: system.runtimes,
    DefaultRuntime: system.defaultRuntime,
    Swarm: {
      NodeID: '',
      NodeAddr: '',
      LocalNodeState: 'inactive',
      ControlAvailable: false,
      Error: '',
      RemoteManagers: null,
    },
    // Containers outlive the engine by design: what Docker calls live restore.
    LiveRestoreEnabled: system.liveRestore,
    Isolation: '',
    InitBinary: 'docker-init',
    ContainerdCommit: { ID: '' },
    RuncCommit: { ID: system.runtimeCommit },
    SecurityOptions: system.securityOptions,
    FirewallBackend: { Driver: system.firewallDriver },
    InitCommit: { ID: '' },
    CDISpecDirs: [],
    Warnings: warnings.length === 0 ? null : warnings,
  };
}

/** The proxies of the engine's environment, without the passwords in their addresses. */
function proxy(name: string): string {
  const value = process.env[name] ?? process.env[name.toLowerCase()] ?? '';
  return value.replace(/\/\/[^/@]*@/, '//xxxxx:xxxxx@');
}

/** `GET /info` */
export function info(
  system: SystemInformation,
  containers: Pick<Containers, 'counts'>,
  images: Pick<Images, 'list'>,
  volumes: Pick<Volumes, 'driverNames'>,
): Endpoint {
  return ({ version }) => {
    const counts = containers.counts();
    const answer = {
      Containers: counts.total,
      ContainersRunning: counts.running,
      ContainersPaused: counts.paused,
      ContainersStopped: counts.stopped,
      Images: images.list({ all: false, filters: new Map(), digests: false }).length,
      ...describeHost(system),
      ...describeEngine(system, volumes.driverNames()),
    };
    return json(asOf(answer, version, infoGates));
  };
}
