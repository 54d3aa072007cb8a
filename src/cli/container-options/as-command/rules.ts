import type { HealthConfig } from '#api';
import { formatDuration } from '#std/duration';
import type { ContainerFlags } from '../flags.ts';
import { beyond, isUserDefined, networksOf, pairTexts, type Seen, same } from './seen.ts';
import * as texts from './texts.ts';

/**
 * What a flag has to say so that the container comes out as it is; nothing where it comes out so by itself. A text that is
 * empty says nothing, one in a list does.
 */
type Rule = (seen: Seen) => string | number | boolean | readonly string[] | null | undefined;

/** The flag leaves no trace: it says how the container is made, or what others say too, or it is for Windows. */
const traceless: Rule = () => undefined;

const host =
  (pick: (host: Seen['container']['HostConfig'], seen: Seen) => ReturnType<Rule>): Rule =>
  (seen) =>
    pick(seen.container.HostConfig, seen);

const config =
  (pick: (config: Seen['container']['Config'], seen: Seen) => ReturnType<Rule>): Rule =>
  (seen) =>
    pick(seen.container.Config, seen);

/** A field of the health check that the image does not have so. */
const health =
  (pick: (check: HealthConfig) => ReturnType<Rule>, field: keyof HealthConfig): Rule =>
  ({ container, image }) => {
    const check = container.Config.Healthcheck;
    if (!check || check.Test?.[0] === 'NONE' || same(check[field], image.Healthcheck?.[field])) return undefined;
    return pick(check);
  };

const first = (seen: Seen) => networksOf(seen)[0]?.[1];

function attached({ AttachStdin, AttachStdout, AttachStderr, OpenStdin }: Seen['container']['Config']): string[] {
  if (AttachStdout && AttachStderr && AttachStdin === OpenStdin) return [];
  return [AttachStdin && 'stdin', AttachStdout && 'stdout', AttachStderr && 'stderr'].filter((name) => name !== false);
}

/** The host name is the ID's beginning, or that of whoever's namespace it is, where nothing is said. */
function hostname({ container, engine }: Seen): string {
  const { Hostname } = container.Config;
  const { NetworkMode, UTSMode } = container.HostConfig;
  if (container.Id.startsWith(Hostname) || UTSMode === 'host' || NetworkMode.startsWith('container:')) return '';
  return NetworkMode === 'host' && Hostname === engine.name ? '' : Hostname;
}

function exposed({ container, image }: Seen): string[] {
  const published = container.HostConfig.PortBindings ?? {};
  return beyond(container.Config.ExposedPorts, image.ExposedPorts)
    .map(([port]) => port)
    .filter((port) => !Object.hasOwn(published, port))
    .map(texts.portText);
}

function networks(seen: Seen): string[] {
  const mode = seen.container.HostConfig.NetworkMode;
  const [own, ...others] = networksOf(seen);
  const name = texts.networkText(mode, own?.[1], true);
  if (others.length === 0 && ['bridge', 'default'].includes(name)) return [];
  return [name, ...others.map(([other, endpoint]) => texts.networkText(other, endpoint, false))];
}

/** A link is told as `/other:/own/alias`. */
const linkText = (link: string): string => link.replace(/^\/([^:]*):.*\/([^/]*)$/, '$1:$2');

function securityOptions({ container }: Seen): string[] {
  const { SecurityOpt, Privileged, MaskedPaths, ReadonlyPaths } = container.HostConfig;
  // A profile is kept as its text, for which there is no flag.
  const said = (SecurityOpt ?? []).filter(
    (option) => !/^seccomp[=:]\{/.test(option) && !(Privileged && option === 'label=disable'),
  );
  const open = !Privileged && same(MaskedPaths, []) && same(ReadonlyPaths, []);
  return open ? [...said, 'systempaths=unconfined'] : said;
}

function volumes({ container, image }: Seen): string[] {
  const anonymous = beyond(container.Config.Volumes, image.Volumes).map(([path]) => path);
  return [...(container.HostConfig.Binds ?? []), ...anonymous];
}

function restart({ Name, MaximumRetryCount }: Seen['container']['HostConfig']['RestartPolicy']): string {
  if (Name === '' || Name === 'no') return '';
  return MaximumRetryCount > 0 ? `${Name}:${MaximumRetryCount}` : Name;
}

/** For each flag of `run` and `create` what it is read back from: the inverse of request.ts and what that calls. */
export const rules: Readonly<Record<keyof ContainerFlags, Rule>> = {
  name: ({ container }) => container.Name.replace(/^\//, ''),
  attach: (seen) => (seen.detached ? [] : attached(seen.container.Config)),
  interactive: config(({ OpenStdin }) => OpenStdin),
  tty: config(({ Tty }) => Tty),
  rm: host(({ AutoRemove }) => AutoRemove),
  init: host(({ Init }) => (Init === false ? 'false' : Init)),
  restart: host(({ RestartPolicy }) => restart(RestartPolicy)),
  entrypoint: config(({ Entrypoint }, { image }) =>
    same(Entrypoint, image.Entrypoint) ? undefined : [Entrypoint?.[0] ?? ''],
  ),
  env: config(({ Env }, { image }) => (Env ?? []).filter((line) => !image.Env?.includes(line))),
  user: config(({ User }, { image }) => (same(User, image.User) ? '' : User)),
  workdir: config(({ WorkingDir }, { image }) => (same(WorkingDir, image.WorkingDir) ? '' : WorkingDir)),
  'group-add': host(({ GroupAdd }) => GroupAdd),
  'stop-signal': config(({ StopSignal }, { image }) => (same(StopSignal, image.StopSignal) ? '' : StopSignal)),
  'stop-timeout': config(({ StopTimeout }) => StopTimeout?.toString()),

  annotation: host(({ Annotations }) => pairTexts(Annotations)),
  domainname: config(({ Domainname }) => Domainname),
  hostname,
  label: config(({ Labels }, { image }) => beyond(Labels, image.Labels).map((pair) => pair.join('='))),

  'add-host': host(({ ExtraHosts }) => ExtraHosts),
  dns: host(({ Dns }) => Dns),
  'dns-option': host(({ DnsOptions }) => DnsOptions),
  'dns-search': host(({ DnsSearch }) => DnsSearch),
  expose: exposed,
  ip: (seen) => first(seen)?.IPAMConfig?.IPv4Address,
  ip6: (seen) => first(seen)?.IPAMConfig?.IPv6Address,
  link: host(({ Links, NetworkMode }, seen) =>
    isUserDefined(NetworkMode) ? (first(seen)?.Links ?? []) : (Links ?? []).map(linkText),
  ),
  'link-local-ip': (seen) => first(seen)?.IPAMConfig?.LinkLocalIPs,
  'mac-address': config(({ MacAddress }) => MacAddress),
  network: networks,
  'network-alias': host(({ NetworkMode }, seen) => (isUserDefined(NetworkMode) ? first(seen)?.Aliases : [])),
  publish: host(({ PortBindings }) =>
    Object.entries(PortBindings ?? {}).flatMap(([port, bindings]) =>
      (bindings ?? []).map((binding) => texts.publishText(port, binding)),
    ),
  ),
  'publish-all': host(({ PublishAllPorts }) => PublishAllPorts),

  mount: host(({ Mounts }) => (Mounts ?? []).map(texts.mountText)),
  'read-only': host(({ ReadonlyRootfs }) => ReadonlyRootfs),
  'storage-opt': host(({ StorageOpt }) => pairTexts(StorageOpt)),
  tmpfs: host(({ Tmpfs }) =>
    Object.entries(Tmpfs ?? {}).map(([path, options]) => (options === '' ? path : `${path}:${options}`)),
  ),
  volume: volumes,
  'volume-driver': host(({ VolumeDriver }) => VolumeDriver),
  'volumes-from': host(({ VolumesFrom }) => VolumesFrom),

  'blkio-weight': host(({ BlkioWeight }) => BlkioWeight),
  'blkio-weight-device': host(({ BlkioWeightDevice }) =>
    (BlkioWeightDevice ?? []).map(({ Path, Weight }) => `${Path}:${Weight}`),
  ),
  'cgroup-parent': host(({ CgroupParent }) => CgroupParent),
  'cpu-period': host(({ CpuPeriod }) => CpuPeriod),
  'cpu-quota': host(({ CpuQuota }) => CpuQuota),
  'cpu-rt-period': host(({ CpuRealtimePeriod }) => CpuRealtimePeriod),
  'cpu-rt-runtime': host(({ CpuRealtimeRuntime }) => CpuRealtimeRuntime),
  'cpu-shares': host(({ CpuShares }) => CpuShares),
  cpus: host(({ NanoCpus }) => NanoCpus / 1e9),
  'cpuset-cpus': host(({ CpusetCpus }) => CpusetCpus),
  'cpuset-mems': host(({ CpusetMems }) => CpusetMems),
  'device-read-bps': host(({ BlkioDeviceReadBps }) => (BlkioDeviceReadBps ?? []).map(texts.throttleText)),
  'device-read-iops': host(({ BlkioDeviceReadIOps }) => (BlkioDeviceReadIOps ?? []).map(texts.throttleText)),
  'device-write-bps': host(({ BlkioDeviceWriteBps }) => (BlkioDeviceWriteBps ?? []).map(texts.throttleText)),
  'device-write-iops': host(({ BlkioDeviceWriteIOps }) => (BlkioDeviceWriteIOps ?? []).map(texts.throttleText)),
  memory: host(({ Memory }) => Memory && texts.bytesText(Memory)),
  'memory-reservation': host(({ MemoryReservation }) => MemoryReservation && texts.bytesText(MemoryReservation)),
  // Twice the memory is what it is by itself.
  'memory-swap': host(({ Memory, MemorySwap }) => MemorySwap !== 2 * Memory && texts.bytesText(MemorySwap)),
  'memory-swappiness': host(({ MemorySwappiness }) => (MemorySwappiness === -1 ? null : MemorySwappiness?.toString())),
  'oom-kill-disable': host(({ OomKillDisable }) => OomKillDisable),
  'oom-score-adj': host(({ OomScoreAdj }) => OomScoreAdj),
  'pids-limit': host(({ PidsLimit }) => PidsLimit),
  'shm-size': host(({ ShmSize }) => ShmSize !== 64 * 1024 ** 2 && texts.bytesText(ShmSize)),
  ulimit: host(({ Ulimits }) => (Ulimits ?? []).map(texts.ulimitText)),

  'cap-add': host(({ CapAdd }) => CapAdd),
  'cap-drop': host(({ CapDrop }) => CapDrop),
  cgroupns: host(({ CgroupnsMode }, { engine }) => (CgroupnsMode === engine.cgroupns ? '' : CgroupnsMode)),
  device: host(({ Devices }) => (Devices ?? []).map(texts.deviceText)),
  'device-cgroup-rule': host(({ DeviceCgroupRules }) => DeviceCgroupRules),
  gpus: host(({ DeviceRequests }) => (DeviceRequests ?? []).map(texts.gpusText)),
  ipc: host(({ IpcMode }) => (IpcMode === 'private' ? '' : IpcMode)),
  isolation: host(({ Isolation }) => (Isolation === 'default' ? '' : Isolation)),
  pid: host(({ PidMode }) => PidMode),
  privileged: host(({ Privileged }) => Privileged),
  runtime: host(({ Runtime }, { engine }) => (Runtime === engine.runtime ? '' : Runtime)),
  'security-opt': securityOptions,
  sysctl: host(({ Sysctls }) => pairTexts(Sysctls)),
  userns: host(({ UsernsMode }) => UsernsMode),
  uts: host(({ UTSMode }) => UTSMode),

  'health-cmd': health(({ Test }) => {
    const [kind = '', ...words] = Test ?? [];
    if (kind === 'CMD') return words.map(texts.shellQuote).join(' ');
    return kind === 'CMD-SHELL' ? words[0] : undefined;
  }, 'Test'),
  'health-interval': health(({ Interval = 0 }) => Interval && formatDuration(Interval), 'Interval'),
  'health-timeout': health(({ Timeout = 0 }) => Timeout && formatDuration(Timeout), 'Timeout'),
  'health-start-period': health(({ StartPeriod = 0 }) => StartPeriod && formatDuration(StartPeriod), 'StartPeriod'),
  'health-start-interval': health(
    ({ StartInterval = 0 }) => StartInterval && formatDuration(StartInterval),
    'StartInterval',
  ),
  'health-retries': health(({ Retries }) => Retries, 'Retries'),
  'health-on-failure': health(({ OnFailure }) => OnFailure, 'OnFailure'),
  'no-healthcheck': config(
    ({ Healthcheck }, { image }) => Healthcheck?.Test?.[0] === 'NONE' && !same(Healthcheck, image.Healthcheck),
  ),
  'log-driver': host(({ LogConfig }, { engine }) => (LogConfig.Type === engine.logDriver ? '' : LogConfig.Type)),
  'log-opt': host(({ LogConfig }) => pairTexts(LogConfig.Config)),

  cidfile: traceless,
  'disable-content-trust': traceless,
  'dns-opt': traceless,
  'env-file': traceless,
  'label-file': traceless,
  net: traceless,
  'net-alias': traceless,
  platform: traceless,
  pull: traceless,
  quiet: traceless,
  'kernel-memory': traceless,
  'use-api-socket': traceless,
  'cpu-count': traceless,
  'cpu-percent': traceless,
  'io-maxbandwidth': traceless,
  'io-maxiops': traceless,
};
