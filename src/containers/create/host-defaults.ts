import type { HostConfig, LogConfig } from '#api';
import { defaultRuntime } from '../runtimes.ts';
import { maskedPaths, noResources, readonlyPaths } from '../spec/index.ts';

const defaultShmBytes = 64 * 1024 * 1024;

function logConfig(asked: Partial<LogConfig> | undefined): LogConfig {
  return { Type: asked?.Type || 'json-file', Config: asked?.Config ?? {} };
}

/** What Docker leaves out of its answer when it is empty. */
const omitted = ['StorageOpt', 'Tmpfs', 'Sysctls', 'Annotations', 'Mounts', 'KernelMemory', 'KernelMemoryTCP'] as const;

function isEmpty(value: unknown): boolean {
  return value === 0 || (typeof value === 'object' && value !== null && Object.keys(value).length === 0);
}

/** Confinement by label makes no sense in a container that shares the host's processes or memory, or is privileged. */
function securityOptions({ SecurityOpt, Privileged, PidMode, IpcMode }: Partial<HostConfig>): string[] | null {
  if (SecurityOpt !== undefined) return SecurityOpt;
  return Privileged || PidMode === 'host' || IpcMode === 'host' ? ['label=disable'] : null;
}

/** What is not asked for, beside resources: nothing, or off. */
const nothingAsked = {
  Binds: null,
  ContainerIDFile: '',
  PortBindings: null,
  AutoRemove: false,
  VolumeDriver: '',
  VolumesFrom: null,
  CapAdd: null,
  CapDrop: null,
  Dns: null,
  DnsOptions: null,
  DnsSearch: null,
  ExtraHosts: null,
  GroupAdd: null,
  Cgroup: '',
  Links: null,
  OomScoreAdj: 0,
  PidMode: '',
  Privileged: false,
  PublishAllPorts: false,
  ReadonlyRootfs: false,
  UTSMode: '',
  UsernsMode: '',
  Isolation: '',
} satisfies Partial<HostConfig>;

/** A complete host configuration from what was asked for, with the defaults that Docker's create fills in. */
export function completeHostConfig(asked: Partial<HostConfig>, cgroupVersion: 1 | 2): HostConfig {
  const isPrivileged = asked.Privileged ?? false;
  const { Memory = 0, MemorySwap = 0, MemorySwappiness, PidsLimit } = asked;
  const given: Partial<HostConfig> = { ...asked };
  for (const field of omitted) if (isEmpty(given[field])) delete given[field];
  const mode = asked.NetworkMode || 'bridge';
  return {
    ...noResources,
    ...nothingAsked,
    ConsoleSize: [0, 0],
    ...given,
    // Twice the memory is what a container may use with swap when nothing is said.
    MemorySwap: MemorySwap === 0 && Memory > 0 ? Memory * 2 : MemorySwap,
    LogConfig: logConfig(asked.LogConfig),
    NetworkMode: mode === 'default' ? 'bridge' : mode,
    RestartPolicy: {
      Name: asked.RestartPolicy?.Name || 'no',
      MaximumRetryCount: asked.RestartPolicy?.MaximumRetryCount ?? 0,
    },
    CgroupnsMode: asked.CgroupnsMode || (cgroupVersion === 2 && !isPrivileged ? 'private' : 'host'),
    IpcMode: asked.IpcMode || 'private',
    SecurityOpt: securityOptions(asked),
    ShmSize: asked.ShmSize || defaultShmBytes,
    Runtime: asked.Runtime || defaultRuntime,
    MemorySwappiness: MemorySwappiness === -1 ? null : (MemorySwappiness ?? null),
    OomKillDisable: asked.OomKillDisable ?? (cgroupVersion === 1 ? false : null),
    PidsLimit: PidsLimit != null && PidsLimit > 0 ? PidsLimit : null,
    MaskedPaths: asked.MaskedPaths ?? (isPrivileged ? null : [...maskedPaths]),
    ReadonlyPaths: asked.ReadonlyPaths ?? (isPrivileged ? null : [...readonlyPaths]),
  };
}
