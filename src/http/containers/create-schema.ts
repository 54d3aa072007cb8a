import type { Schema } from '../json/schema.ts';
import { boolean, completeObject, integer, list, map, object, string, stringOf, words } from '../json/schema.ts';
import { endpoint } from '../networks/schema.ts';

const emptyStruct = object('struct {}', {});
const strings = list(string);
const labels = map(string);

const healthcheck = object('container.HealthConfig', {
  Test: strings,
  Interval: integer('time.Duration'),
  Timeout: integer('time.Duration'),
  StartPeriod: integer('time.Duration'),
  StartInterval: integer('time.Duration'),
  Retries: integer('int'),
  OnFailure: string,
});

/** The fields of Docker's container.Config. */
export const configFields: Readonly<Record<string, Schema>> = {
  Hostname: string,
  Domainname: string,
  User: string,
  AttachStdin: boolean,
  AttachStdout: boolean,
  AttachStderr: boolean,
  ExposedPorts: map(emptyStruct, 'nat.PortSet'),
  Tty: boolean,
  OpenStdin: boolean,
  StdinOnce: boolean,
  Env: strings,
  Cmd: words,
  Healthcheck: healthcheck,
  ArgsEscaped: boolean,
  Image: string,
  Volumes: map(emptyStruct),
  WorkingDir: string,
  Entrypoint: words,
  NetworkDisabled: boolean,
  MacAddress: string,
  OnBuild: strings,
  Labels: labels,
  StopSignal: string,
  StopTimeout: integer('int'),
  Shell: words,
};

const portBindings = list(completeObject('nat.PortBinding', { HostIp: string, HostPort: string }), '[]nat.PortBinding');

const mount = object('mount.Mount', {
  Type: stringOf('mount.Type'),
  Source: string,
  Target: string,
  ReadOnly: boolean,
  Consistency: stringOf('mount.Consistency'),
  BindOptions: object('mount.BindOptions', {
    Propagation: stringOf('mount.Propagation'),
    NonRecursive: boolean,
    CreateMountpoint: boolean,
    ReadOnlyNonRecursive: boolean,
    ReadOnlyForceRecursive: boolean,
  }),
  VolumeOptions: object('mount.VolumeOptions', {
    NoCopy: boolean,
    Labels: labels,
    Subpath: string,
    DriverConfig: object('mount.Driver', { Name: string, Options: labels }),
  }),
  ImageOptions: object('mount.ImageOptions', { Subpath: string }),
  TmpfsOptions: object('mount.TmpfsOptions', {
    SizeBytes: integer(),
    Mode: integer('os.FileMode'),
    Options: list(strings),
  }),
});

const weightDevices = list(
  completeObject('blkiodev.WeightDevice', { Path: string, Weight: integer('uint16') }),
  '[]*blkiodev.WeightDevice',
);
const throttleDevices = list(
  completeObject('blkiodev.ThrottleDevice', { Path: string, Rate: integer('uint') }),
  '[]*blkiodev.ThrottleDevice',
);

/** The fields of Docker's container.Resources. */
export const resourceFields: Readonly<Record<string, Schema>> = {
  CpuShares: integer(),
  Memory: integer(),
  NanoCpus: integer(),
  CgroupParent: string,
  BlkioWeight: integer('uint16'),
  BlkioWeightDevice: weightDevices,
  BlkioDeviceReadBps: throttleDevices,
  BlkioDeviceWriteBps: throttleDevices,
  BlkioDeviceReadIOps: throttleDevices,
  BlkioDeviceWriteIOps: throttleDevices,
  CpuPeriod: integer(),
  CpuQuota: integer(),
  CpuRealtimePeriod: integer(),
  CpuRealtimeRuntime: integer(),
  CpusetCpus: string,
  CpusetMems: string,
  Devices: list(
    completeObject('container.DeviceMapping', {
      PathOnHost: string,
      PathInContainer: string,
      CgroupPermissions: string,
    }),
    '[]container.DeviceMapping',
  ),
  DeviceCgroupRules: strings,
  DeviceRequests: list(
    completeObject('container.DeviceRequest', {
      Driver: string,
      Count: integer('int'),
      DeviceIDs: strings,
      Capabilities: list(strings),
      Options: labels,
    }),
    '[]container.DeviceRequest',
  ),
  KernelMemory: integer(),
  KernelMemoryTCP: integer(),
  MemoryReservation: integer(),
  MemorySwap: integer(),
  MemorySwappiness: integer(),
  OomKillDisable: boolean,
  PidsLimit: integer(),
  Ulimits: list(
    completeObject('container.Ulimit', { Name: string, Hard: integer(), Soft: integer() }),
    '[]*container.Ulimit',
  ),
  CpuCount: integer(),
  CpuPercent: integer(),
  IOMaximumIOps: integer('uint'),
  IOMaximumBandwidth: integer('uint'),
};

const restartPolicy = object('container.RestartPolicy', {
  Name: stringOf('container.RestartPolicyMode'),
  MaximumRetryCount: integer('int'),
});

const hostConfig = object('container.HostConfig', {
  Binds: strings,
  ContainerIDFile: string,
  LogConfig: object('container.LogConfig', { Type: string, Config: labels }),
  NetworkMode: stringOf('container.NetworkMode'),
  PortBindings: map(portBindings, 'nat.PortMap'),
  RestartPolicy: restartPolicy,
  AutoRemove: boolean,
  VolumeDriver: string,
  VolumesFrom: strings,
  ConsoleSize: list(integer('uint'), undefined, 2),
  Annotations: labels,
  CapAdd: words,
  CapDrop: words,
  CgroupnsMode: stringOf('container.CgroupnsMode'),
  Dns: strings,
  DnsOptions: strings,
  DnsSearch: strings,
  ExtraHosts: strings,
  GroupAdd: strings,
  IpcMode: stringOf('container.IpcMode'),
  Cgroup: stringOf('container.CgroupSpec'),
  Links: strings,
  OomScoreAdj: integer('int'),
  PidMode: stringOf('container.PidMode'),
  Privileged: boolean,
  PublishAllPorts: boolean,
  ReadonlyRootfs: boolean,
  SecurityOpt: strings,
  StorageOpt: labels,
  Tmpfs: labels,
  UTSMode: stringOf('container.UTSMode'),
  UsernsMode: stringOf('container.UsernsMode'),
  ShmSize: integer(),
  Sysctls: labels,
  Runtime: string,
  Isolation: stringOf('container.Isolation'),
  ...resourceFields,
  Mounts: list(mount, '[]mount.Mount'),
  MaskedPaths: strings,
  ReadonlyPaths: strings,
  Init: boolean,
});

/** The body of `POST /containers/create`. */
export const createRequest = object('container.CreateRequest', {
  ...configFields,
  HostConfig: hostConfig,
  NetworkingConfig: object('network.NetworkingConfig', {
    EndpointsConfig: map(endpoint, 'map[string]*network.EndpointSettings'),
  }),
});

/** The body of `POST /containers/{id}/update`. */
export const updateRequest = object('UpdateConfig', { ...resourceFields, RestartPolicy: restartPolicy });
