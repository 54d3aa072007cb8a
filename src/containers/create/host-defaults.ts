import type { HostConfig, LogConfig } from '#api';
import { fail } from '#std/errors';
import { maskedPaths, readonlyPaths } from '../spec/index.ts';

const defaultShmBytes = 64 * 1024 * 1024;
/** The names that the one runtime answers to: clients configured for Docker ask for its. */
export const runtimeNames = ['crun', 'runc', 'io.containerd.runc.v2'];

function logConfig(asked: Partial<LogConfig> | undefined): LogConfig {
  const Type = asked?.Type || 'json-file';
  if (!['json-file', 'local', 'none'].includes(Type)) {
    throw fail('invalid-argument', `error looking up logging plugin ${Type}: plugin "${Type}" not found`);
  }
  return { Type, Config: asked?.Config ?? {} };
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

/** A complete host configuration from what was asked for, with the defaults that Docker's create fills in. */
export function completeHostConfig(asked: Partial<HostConfig>, cgroupVersion: 1 | 2): HostConfig {
  const isPrivileged = asked.Privileged ?? false;
  const { Memory = 0, MemorySwap = 0, MemorySwappiness, PidsLimit } = asked;
  const given: Partial<HostConfig> = { ...asked };
  for (const field of omitted) if (isEmpty(given[field])) delete given[field];
  const mode = asked.NetworkMode || 'bridge';
  return {
    ContainerIDFile: '',
    VolumeDriver: '',
    AutoRemove: false,
    Cgroup: '',
    OomScoreAdj: 0,
    PidMode: '',
    PublishAllPorts: false,
    ReadonlyRootfs: false,
    UTSMode: '',
    UsernsMode: '',
    Isolation: '',
    CpuShares: 0,
    Memory: 0,
    NanoCpus: 0,
    CgroupParent: '',
    BlkioWeight: 0,
    CpuPeriod: 0,
    CpuQuota: 0,
    CpuRealtimePeriod: 0,
    CpuRealtimeRuntime: 0,
    CpusetCpus: '',
    CpusetMems: '',
    MemoryReservation: 0,
    CpuCount: 0,
    CpuPercent: 0,
    IOMaximumIOps: 0,
    IOMaximumBandwidth: 0,
    ...given,
    // Twice the memory is what a container may use with swap when nothing is said.
    MemorySwap: MemorySwap === 0 && Memory > 0 ? Memory * 2 : MemorySwap,
    Binds: asked.Binds ?? null,
    LogConfig: logConfig(asked.LogConfig),
    NetworkMode: mode === 'default' ? 'bridge' : mode,
    PortBindings: asked.PortBindings ?? null,
    RestartPolicy: {
      Name: asked.RestartPolicy?.Name || 'no',
      MaximumRetryCount: asked.RestartPolicy?.MaximumRetryCount ?? 0,
    },
    VolumesFrom: asked.VolumesFrom ?? null,
    ConsoleSize: asked.ConsoleSize ?? [0, 0],
    CapAdd: asked.CapAdd ?? null,
    CapDrop: asked.CapDrop ?? null,
    CgroupnsMode: asked.CgroupnsMode || (cgroupVersion === 2 && !isPrivileged ? 'private' : 'host'),
    Dns: asked.Dns ?? null,
    DnsOptions: asked.DnsOptions ?? null,
    DnsSearch: asked.DnsSearch ?? null,
    ExtraHosts: asked.ExtraHosts ?? null,
    GroupAdd: asked.GroupAdd ?? null,
    IpcMode: asked.IpcMode || 'private',
    Links: asked.Links ?? null,
    Privileged: isPrivileged,
    SecurityOpt: securityOptions(asked),
    ShmSize: asked.ShmSize || defaultShmBytes,
    Runtime: asked.Runtime || 'runc',
    BlkioWeightDevice: asked.BlkioWeightDevice ?? null,
    BlkioDeviceReadBps: asked.BlkioDeviceReadBps ?? null,
    BlkioDeviceWriteBps: asked.BlkioDeviceWriteBps ?? null,
    BlkioDeviceReadIOps: asked.BlkioDeviceReadIOps ?? null,
    BlkioDeviceWriteIOps: asked.BlkioDeviceWriteIOps ?? null,
    Devices: asked.Devices ?? null,
    DeviceCgroupRules: asked.DeviceCgroupRules ?? null,
    DeviceRequests: asked.DeviceRequests ?? null,
    MemorySwappiness: MemorySwappiness === -1 ? null : (MemorySwappiness ?? null),
    OomKillDisable: asked.OomKillDisable ?? (cgroupVersion === 1 ? false : null),
    PidsLimit: PidsLimit != null && PidsLimit > 0 ? PidsLimit : null,
    Ulimits: asked.Ulimits ?? null,
    MaskedPaths: asked.MaskedPaths ?? (isPrivileged ? null : [...maskedPaths]),
    ReadonlyPaths: asked.ReadonlyPaths ?? (isPrivileged ? null : [...readonlyPaths]),
  };
}
