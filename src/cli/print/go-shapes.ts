/**
 * What Go's types of the Docker API say that their JSON does not: templates of inspect commands run on those types. Fields
 * that JSON leaves out when they are empty, the kind of emptiness that `null` stands for, which objects are maps, and
 * fields of another name.
 */
export type Kind =
  /** A pointer that may be nil. */
  | 'pointer'
  | 'list'
  | 'text'
  | 'number'
  | 'flag'
  /** A map, by what it gives for a key that it has not. */
  | { readonly map: unknown; readonly of?: ShapeName }
  | { readonly struct: ShapeName }
  | { readonly list: ShapeName };

export type ShapeName =
  | 'container'
  | 'state'
  | 'graphDriver'
  | 'mountPoint'
  | 'config'
  | 'portBinding'
  | 'networkSettings'
  | 'endpoint'
  | 'hostConfig'
  | 'logConfig'
  | 'restartPolicy'
  | 'image'
  | 'imageConfig'
  | 'rootFs'
  | 'volume'
  | 'network'
  | 'configFrom'
  | 'networkContainer'
  | 'ipam'
  | 'ipamConfig';

export interface Shape {
  /** Go's name of the type. */
  readonly type: string;
  readonly fields: Readonly<Record<string, Kind>>;
  /** Names that Go has for JSON's. */
  readonly renamed?: Readonly<Record<string, string>>;
  /** All fields in Go's order, where they are printed as a whole. */
  readonly order?: readonly string[];
  /** Fields that hold a time, which Go prints its own way. */
  readonly times?: readonly string[];
}

const texts: Kind = { map: '' };
const anything: Kind = { map: undefined };

/** Every shape by name. */
export const shapes: Readonly<Record<ShapeName, Shape>> = {
  container: {
    type: 'container.InspectResponse',
    renamed: { Id: 'ID' },
    fields: {
      State: { struct: 'state' },
      HostConfig: { struct: 'hostConfig' },
      GraphDriver: { struct: 'graphDriver' },
      Config: { struct: 'config' },
      NetworkSettings: { struct: 'networkSettings' },
      Mounts: { list: 'mountPoint' },
      ExecIDs: 'list',
      Args: 'list',
      SizeRw: 'pointer',
      SizeRootFs: 'pointer',
      ImageManifestDescriptor: 'pointer',
    },
  },
  state: { type: 'container.State', fields: { Health: 'pointer' } },
  graphDriver: { type: 'storage.DriverData', fields: { Data: texts } },
  mountPoint: {
    type: 'container.MountPoint',
    fields: { Type: 'text', Name: 'text', Source: 'text', Driver: 'text' },
    order: ['Type', 'Name', 'Source', 'Destination', 'Driver', 'Mode', 'RW', 'Propagation'],
  },
  config: {
    type: 'container.Config',
    fields: {
      ExposedPorts: anything,
      Env: 'list',
      Cmd: 'list',
      Healthcheck: 'pointer',
      ArgsEscaped: 'flag',
      Volumes: anything,
      Entrypoint: 'list',
      NetworkDisabled: 'flag',
      MacAddress: 'text',
      OnBuild: 'list',
      Labels: texts,
      StopSignal: 'text',
      StopTimeout: 'pointer',
      Shell: 'list',
    },
  },
  portBinding: { type: 'nat.PortBinding', renamed: { HostIp: 'HostIP' }, fields: {} },
  networkSettings: {
    type: 'container.NetworkSettings',
    fields: { Ports: { map: undefined, of: 'portBinding' }, Networks: { map: undefined, of: 'endpoint' } },
  },
  endpoint: {
    type: 'network.EndpointSettings',
    fields: { IPAMConfig: 'pointer', Links: 'list', Aliases: 'list', DriverOpts: texts, DNSNames: 'list' },
  },
  hostConfig: {
    type: 'container.HostConfig',
    fields: {
      Binds: 'list',
      LogConfig: { struct: 'logConfig' },
      PortBindings: { map: undefined, of: 'portBinding' },
      RestartPolicy: { struct: 'restartPolicy' },
      VolumesFrom: 'list',
      Annotations: texts,
      CapAdd: 'list',
      CapDrop: 'list',
      Dns: 'list',
      DnsOptions: 'list',
      DnsSearch: 'list',
      ExtraHosts: 'list',
      GroupAdd: 'list',
      Links: 'list',
      SecurityOpt: 'list',
      StorageOpt: texts,
      Tmpfs: texts,
      Sysctls: texts,
      BlkioWeightDevice: 'list',
      BlkioDeviceReadBps: 'list',
      BlkioDeviceWriteBps: 'list',
      BlkioDeviceReadIOps: 'list',
      BlkioDeviceWriteIOps: 'list',
      Devices: 'list',
      DeviceCgroupRules: 'list',
      DeviceRequests: 'list',
      KernelMemory: 'number',
      KernelMemoryTCP: 'number',
      MemorySwappiness: 'pointer',
      OomKillDisable: 'pointer',
      PidsLimit: 'pointer',
      Ulimits: 'list',
      Mounts: 'list',
      MaskedPaths: 'list',
      ReadonlyPaths: 'list',
      Init: 'pointer',
    },
    renamed: { Dns: 'DNS', DnsOptions: 'DNSOptions', DnsSearch: 'DNSSearch' },
  },
  logConfig: { type: 'container.LogConfig', fields: { Config: texts } },
  restartPolicy: { type: 'container.RestartPolicy', fields: {} },
  image: {
    type: 'image.InspectResponse',
    renamed: { Id: 'ID' },
    fields: {
      Config: { struct: 'imageConfig' },
      GraphDriver: { struct: 'graphDriver' },
      RootFS: { struct: 'rootFs' },
      RepoTags: 'list',
      RepoDigests: 'list',
      Container: 'text',
      Variant: 'text',
      OsVersion: 'text',
      VirtualSize: 'number',
      Created: 'text',
      Descriptor: 'pointer',
      Manifests: 'list',
    },
  },
  imageConfig: {
    type: 'v1.DockerOCIImageConfig',
    fields: {
      User: 'text',
      ExposedPorts: anything,
      Env: 'list',
      Entrypoint: 'list',
      Cmd: 'list',
      Volumes: anything,
      WorkingDir: 'text',
      Labels: texts,
      StopSignal: 'text',
      ArgsEscaped: 'flag',
      Healthcheck: 'pointer',
      OnBuild: 'list',
      Shell: 'list',
    },
  },
  rootFs: { type: 'image.RootFS', fields: { Layers: 'list' } },
  volume: {
    type: 'volume.Volume',
    fields: {
      Labels: texts,
      Options: texts,
      Status: anything,
      CreatedAt: 'text',
      UsageData: 'pointer',
      ClusterVolume: 'pointer',
    },
  },
  network: {
    type: 'network.Inspect',
    renamed: { Id: 'ID' },
    times: ['Created'],
    fields: {
      IPAM: { struct: 'ipam' },
      ConfigFrom: { struct: 'configFrom' },
      Containers: { map: undefined, of: 'networkContainer' },
      Options: texts,
      Labels: texts,
      Peers: 'list',
      Services: anything,
    },
  },
  configFrom: { type: 'network.ConfigReference', fields: {} },
  networkContainer: { type: 'network.EndpointResource', fields: {} },
  ipam: { type: 'network.IPAM', fields: { Options: texts, Config: { list: 'ipamConfig' } } },
  ipamConfig: {
    type: 'network.IPAMConfig',
    fields: { Subnet: 'text', IPRange: 'text', Gateway: 'text', AuxiliaryAddresses: texts },
    renamed: { AuxiliaryAddresses: 'AuxAddress' },
    order: ['Subnet', 'IPRange', 'Gateway', 'AuxiliaryAddresses'],
  },
};
