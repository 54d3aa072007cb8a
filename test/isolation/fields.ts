import type { ContainerConfig, EndpointSettings, HostConfig, Resources } from '#api';
import type { CgroupNames } from '../harness/index.ts';

/** What a proof looks at: the containers that were made of the table, as they run. */
export interface Seen {
  /** Inspect of the container that the proof's field was asked for with. */
  readonly inspect: Inspected;
  readonly warnings: readonly string[];
  file(controller: string, names: CgroupNames): Promise<string>;
}

/** The part of an inspect that proofs read. */
export interface Inspected {
  readonly Id: string;
  readonly Config: ContainerConfig;
  readonly HostConfig: HostConfig;
  readonly State: { readonly Pid: number };
  readonly NetworkSettings: {
    readonly Ports: Record<string, { HostIp: string }[] | null>;
    readonly Networks: Record<string, EndpointSettings>;
  };
}

/** What one field asks for, and how it is seen that it was given, or the words by which it is refused. */
export type Evidence =
  /** A script's output in the running container. */
  | { readonly ask: unknown; readonly script: string; readonly says: string | RegExp }
  /** The same, seen from outside. */
  | { readonly ask: unknown; readonly look: (seen: Seen) => unknown; readonly finds: unknown }
  /** Refused at creation. */
  | { readonly refused: unknown; readonly words: string; readonly beside?: object }
  /** Accepted, and refused by the start, as at Docker. */
  | { readonly unstartable: unknown; readonly words: string }
  /** A scenario of its own in the test file, which fails when it is missing. */
  | { readonly scenario: Scenario };

export type Scenario =
  | 'joined'
  | 'host'
  | 'ended'
  | 'restarted'
  | 'runtimes'
  | 'unplugged'
  | 'streams'
  | 'linked'
  | 'parent'
  | 'realtime'
  | 'old-client'
  | 'stopped'
  | 'volumes-of';

const mebibyte = 1024 * 1024;

/** A setting of a cgroup by its names in the two versions, and its values there. */
function limit(
  ask: unknown,
  [controller, first, second]: readonly [string, string, string],
  [valueFirst, valueSecond]: readonly [string, string],
): Evidence {
  return {
    ask,
    look: async ({ file }) => file(controller, { first, second }).then((text) => text.split('\n')[0]),
    finds: new RegExp(`^(?:${valueFirst}|${valueSecond})$`),
  };
}

/** What is kept, and answered, for clients: it has no effect on how a container of this system runs. */
function kept<K extends keyof ContainerConfig>(field: K, ask: ContainerConfig[K]): Evidence {
  return { ask, look: ({ inspect }) => inspect.Config[field], finds: ask };
}

export interface FieldHost {
  /** A directory with a file `from-host`. */
  readonly directory: string;
  /** Path and number of a block device. */
  readonly disk: { readonly path: string; readonly number: string };
}

/** Every field of a container's configuration. */
export const configFields: Record<keyof ContainerConfig, Evidence> = {
  Hostname: { ask: 'ship', script: 'hostname', says: 'ship' },
  Domainname: { ask: 'sea.example', script: 'cat /proc/sys/kernel/domainname', says: 'sea.example' },
  User: { ask: '1000:1001', script: 'echo $(id -u) $(id -g)', says: '1000 1001' },
  AttachStdin: kept('AttachStdin', true),
  AttachStdout: kept('AttachStdout', true),
  AttachStderr: kept('AttachStderr', true),
  ExposedPorts: {
    ask: { '7000/tcp': {} },
    look: ({ inspect }) => Object.keys(inspect.NetworkSettings.Ports),
    finds: ['7000/tcp', '8000/tcp'],
  },
  Tty: { ask: true, script: 'readlink /proc/1/fd/1 || ls /dev/console', says: /^\/dev\/(?:pts|console)/ },
  OpenStdin: { scenario: 'streams' },
  StdinOnce: { scenario: 'streams' },
  Env: { ask: ['GREETING=hello world'], script: 'echo "$GREETING"', says: 'hello world' },
  Cmd: { ask: ['600'], script: 'tr "\\0" " " < /proc/1/cmdline', says: /sleep 600$/ },
  Entrypoint: { ask: ['sleep'], script: 'tr "\\0" " " < /proc/1/cmdline', says: /-- sleep 600$/ },
  Healthcheck: { scenario: 'restarted' },
  ArgsEscaped: kept('ArgsEscaped', true),
  Image: kept('Image', 'busybox'),
  Volumes: { ask: { '/anonymous': {} }, script: 'grep -c " /anonymous " /proc/mounts', says: '1' },
  WorkingDir: { ask: '/some/place', script: 'pwd', says: '/some/place' },
  NetworkDisabled: { scenario: 'unplugged' },
  MacAddress: { ask: '02:42:AC:11:aa:01', script: 'cat /sys/class/net/eth0/address', says: '02:42:ac:11:aa:01' },
  OnBuild: kept('OnBuild', ['RUN true']),
  Labels: { ask: { purpose: 'proof' }, look: ({ inspect }) => inspect.Config.Labels, finds: { purpose: 'proof' } },
  StopSignal: { scenario: 'stopped' },
  StopTimeout: { scenario: 'stopped' },
  Shell: kept('Shell', ['/bin/sh', '-c']),
};

/** A throttle of the disk: version 1 has a file for each kind, version 2 a key in one for all. */
function throttled(
  { path, number }: FieldHost['disk'],
  isFirst: boolean,
  [first, key]: readonly [string, string],
): Evidence {
  const names = { first: `blkio.throttle.${first}_device`, second: 'io.max' };
  return {
    ask: [{ Path: path, Rate: 123_456_789 }],
    look: ({ file }) => file(isFirst ? 'blkio' : 'io', names),
    finds: new RegExp(`^${number} (?:.*${key}=)?123456789`, 'm'),
  };
}

/** Every field of a container's host configuration that is no resource. */
function ownHostFields(directory: string): Record<Exclude<keyof HostConfig, keyof Resources>, Evidence> {
  return {
    Binds: { ask: [`${directory}:/bound:ro`], script: 'cat /bound/from-host', says: 'hello' },
    ContainerIDFile: {
      // A client's own affair, which the engine hands back.
      ask: `${directory}/cidfile`,
      look: ({ inspect }) => inspect.HostConfig.ContainerIDFile,
      finds: `${directory}/cidfile`,
    },
    LogConfig: { refused: { Type: 'nope' }, words: 'error looking up logging plugin nope' },
    NetworkMode: { scenario: 'joined' },
    PortBindings: {
      ask: { '8000/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }] },
      look: ({ inspect }) => inspect.NetworkSettings.Ports['8000/tcp']?.[0]?.HostIp,
      finds: '127.0.0.1',
    },
    RestartPolicy: { scenario: 'restarted' },
    AutoRemove: { scenario: 'ended' },
    VolumeDriver: { refused: 'nope', words: 'plugin "nope" not found', beside: { Binds: ['some:/v'] } },
    VolumesFrom: { scenario: 'volumes-of' },
    ConsoleSize: { ask: [30, 90], script: 'stty size < /dev/console', says: '30 90' },
    Annotations: { scenario: 'parent' },
    CapAdd: { ask: ['CAP_NET_ADMIN'], script: 'grep CapBnd /proc/1/status', says: /\t0+415fb$/ },
    CapDrop: {
      ask: ['MKNOD', 'net_raw', 'setfcap', 'Audit_Write'],
      script: 'grep CapBnd /proc/1/status',
      says: /\t0+415fb$/,
    },
    CgroupnsMode: { ask: 'private', script: 'cut -d: -f3 /proc/self/cgroup | sort -u', says: '/' },
    Dns: { ask: ['192.0.2.53'], script: 'grep nameserver /etc/resolv.conf', says: 'nameserver 192.0.2.53' },
    DnsOptions: { ask: ['ndots:3'], script: 'grep options /etc/resolv.conf', says: 'options ndots:3' },
    DnsSearch: { ask: ['a.example'], script: 'grep search /etc/resolv.conf', says: 'search a.example' },
    ExtraHosts: { ask: ['far:192.0.2.7'], script: 'grep far /etc/hosts', says: '192.0.2.7\tfar' },
    GroupAdd: { ask: ['2000'], script: 'id -G', says: /\b2000\b/ },
    IpcMode: { scenario: 'joined' },
    Cgroup: { refused: 'container:x', words: 'a cgroup by name (container:x) is not supported: use CgroupParent' },
    Links: { scenario: 'linked' },
    OomScoreAdj: { ask: 500, script: 'cat /proc/1/oom_score_adj', says: '500' },
    PidMode: { scenario: 'joined' },
    Privileged: { scenario: 'host' },
    PublishAllPorts: {
      ask: true,
      look: ({ inspect }) => inspect.NetworkSettings.Ports['7000/tcp']?.length ?? 0,
      finds: /[1-9]/,
    },
    ReadonlyRootfs: { ask: true, script: 'touch /tmp/x 2>&1', says: /Read-only file system/ },
    SecurityOpt: { ask: ['no-new-privileges'], script: 'grep NoNewPrivs /proc/self/status', says: /1$/ },
    StorageOpt: { refused: { size: '1G' }, words: '--storage-opt is supported only for overlay over xfs' },
    Tmpfs: { ask: { '/scratch': 'size=1m,mode=1777' }, script: 'touch /scratch/x && echo there', says: 'there' },
    UTSMode: { scenario: 'host' },
    UsernsMode: { scenario: 'host' },
    ShmSize: { ask: 3 * mebibyte, script: "df -k /dev/shm | tail -n 1 | awk '{ print $2 }'", says: '3072' },
    Sysctls: { ask: { 'net.ipv4.ip_forward': '1' }, script: 'cat /proc/sys/net/ipv4/ip_forward', says: '1' },
    Runtime: { scenario: 'runtimes' },
    Isolation: { refused: 'hyperv', words: "invalid isolation (hyperv): linux only supports 'default'" },
    Mounts: {
      ask: [{ Type: 'tmpfs', Target: '/mounted', TmpfsOptions: { SizeBytes: mebibyte } }],
      script: 'grep -c " /mounted tmpfs " /proc/mounts',
      says: '1',
    },
    MaskedPaths: { ask: ['/proc/uptime'], script: 'wc -c < /proc/uptime', says: '0' },
    ReadonlyPaths: { ask: ['/proc/fs'], script: 'grep " /proc/fs " /proc/mounts | cut -d " " -f 4', says: /^ro/ },
    Init: { ask: true, script: 'tr "\\0" " " < /proc/1/cmdline', says: /^\/sbin\/docker-init / },
  };
}

/** Every resource. */
function resourceFields({ disk }: FieldHost, isFirst: boolean): Record<keyof Resources, Evidence> {
  return {
    CpuShares: limit(512, ['cpu', 'cpu.shares', 'cpu.weight'], ['512', '20']),
    Memory: limit(64 * mebibyte, ['memory', 'memory.limit_in_bytes', 'memory.max'], ['67108864', '67108864']),
    NanoCpus: { scenario: 'joined' },
    CgroupParent: { scenario: 'parent' },
    BlkioWeight: {
      ask: 300,
      look: ({ warnings, inspect }) => inspect.HostConfig.BlkioWeight === 300 || warnings.join(),
      finds: /true|does not support Block I\/O weight or/,
    },
    BlkioWeightDevice: {
      ask: [{ Path: disk.path, Weight: 300 }],
      look: ({ warnings, inspect }) => (inspect.HostConfig.BlkioWeightDevice ?? []).length > 0 || warnings.join(),
      finds: /true|does not support Block I\/O weight_device/,
    },
    BlkioDeviceReadBps: throttled(disk, isFirst, ['read_bps', 'rbps']),
    BlkioDeviceWriteBps: throttled(disk, isFirst, ['write_bps', 'wbps']),
    BlkioDeviceReadIOps: throttled(disk, isFirst, ['read_iops', 'riops']),
    BlkioDeviceWriteIOps: throttled(disk, isFirst, ['write_iops', 'wiops']),
    CpuPeriod: limit(50_000, ['cpu', 'cpu.cfs_period_us', 'cpu.max'], ['50000', '20000 50000']),
    CpuQuota: limit(20_000, ['cpu', 'cpu.cfs_quota_us', 'cpu.max'], ['20000', '20000 50000']),
    CpuRealtimePeriod: { scenario: 'realtime' },
    CpuRealtimeRuntime: { scenario: 'realtime' },
    CpusetCpus: limit('0', ['cpuset', 'cpuset.cpus', 'cpuset.cpus'], ['0', '0']),
    CpusetMems: limit('0', ['cpuset', 'cpuset.mems', 'cpuset.mems'], ['0', '0']),
    Devices: {
      ask: [{ PathOnHost: '/dev/null', PathInContainer: '/dev/nothing', CgroupPermissions: 'rw' }],
      script: 'ls -l /dev/nothing | cut -c 1',
      says: 'c',
    },
    DeviceCgroupRules: { unstartable: ['foo'], words: "invalid device cgroup rule format: 'foo'" },
    DeviceRequests: {
      unstartable: [{ Count: -1, Capabilities: [['gpu']] }],
      words: 'could not select device driver "" with capabilities: [[gpu]]',
    },
    KernelMemory: { scenario: 'old-client' },
    KernelMemoryTCP: { scenario: 'old-client' },
    MemoryReservation: limit(
      32 * mebibyte,
      ['memory', 'memory.soft_limit_in_bytes', 'memory.low'],
      ['33554432', '33554432'],
    ),
    MemorySwap: limit(
      96 * mebibyte,
      ['memory', 'memory.memsw.limit_in_bytes', 'memory.swap.max'],
      ['100663296', '33554432'],
    ),
    MemorySwappiness: isFirst
      ? limit(7, ['memory', 'memory.swappiness', ''], ['7', '7'])
      : { ask: 7, look: ({ warnings }) => warnings.join(), finds: /Memory swappiness discarded/ },
    OomKillDisable: isFirst
      ? limit(true, ['memory', 'memory.oom_control', ''], ['oom_kill_disable 1', ''])
      : { ask: true, look: ({ warnings }) => warnings.join(), finds: /OomKillDisable discarded/ },
    PidsLimit: limit(77, ['pids', 'pids.max', 'pids.max'], ['77', '77']),
    Ulimits: { ask: [{ Name: 'nofile', Soft: 100, Hard: 200 }], script: 'ulimit -n; ulimit -Hn', says: '100\n200' },
    CpuCount: { ask: 1, look: ({ warnings }) => warnings.join(), finds: /linux does not support CPU count/ },
    CpuPercent: { ask: 5, look: ({ warnings }) => warnings.join(), finds: /linux does not support CPU percent/ },
    IOMaximumIOps: { refused: 1, words: 'QoS maximum IOPs configuration is not supported on linux' },
    IOMaximumBandwidth: { refused: 1, words: 'QoS maximum bandwidth configuration is not supported on linux' },
  };
}

/** Every field of a container's host configuration. */
export function hostFields(host: FieldHost, isFirst: boolean): Record<keyof HostConfig, Evidence> {
  return { ...ownHostFields(host.directory), ...resourceFields(host, isFirst) };
}

/** A value that only the engine tells: what a request says of it is not taken over. */
function told<K extends keyof EndpointSettings>(field: K, ask: EndpointSettings[K]): Evidence {
  return {
    ask,
    look: ({ inspect }) => Bun.deepEquals(inspect.NetworkSettings.Networks.bridge?.[field], ask),
    finds: false,
  };
}

/** Every field of a container's place in a network. */
export const endpointFields: Record<keyof EndpointSettings, Evidence> = {
  IPAMConfig: {
    ask: { LinkLocalIPs: ['169.254.7.7'] },
    script: 'ip -o addr show eth0 | grep -c 169.254.7.7/16',
    says: '1',
  },
  Links: { refused: ['a:b'], words: 'links of an endpoint are supported only in user defined networks' },
  Aliases: { refused: ['a'], words: 'network-scoped alias is supported only for containers in user defined networks' },
  MacAddress: { ask: '02:42:AC:11:aa:01', script: 'cat /sys/class/net/eth0/address', says: '02:42:ac:11:aa:01' },
  DriverOpts: {
    ask: { 'com.docker.network.endpoint.sysctls': 'net.ipv4.conf.IFNAME.log_martians=1' },
    script: 'cat /proc/sys/net/ipv4/conf/eth0/log_martians',
    says: '1',
  },
  GwPriority: {
    // Of one network, the first is the last.
    ask: 5,
    look: ({ inspect }) => inspect.NetworkSettings.Networks.bridge?.GwPriority,
    finds: 5,
  },
  NetworkID: told('NetworkID', 'x'),
  EndpointID: told('EndpointID', 'x'),
  Gateway: told('Gateway', '192.0.2.1'),
  IPAddress: told('IPAddress', '192.0.2.2'),
  IPPrefixLen: told('IPPrefixLen', 3),
  IPv6Gateway: told('IPv6Gateway', '2001:db8::1'),
  GlobalIPv6Address: told('GlobalIPv6Address', '2001:db8::2'),
  GlobalIPv6PrefixLen: told('GlobalIPv6PrefixLen', 4),
  DNSNames: told('DNSNames', ['q']),
};
