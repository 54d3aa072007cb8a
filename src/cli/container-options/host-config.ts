import type { HostConfig, PortBinding } from '#api';
import { fail, messageOf } from '#std/errors';
import { fileSystem } from '../builtins.ts';
import { CommandFailure } from '../failure.ts';
import type { FlagValues } from '../grammar/flag.ts';
import { toRecord } from '../values/key-values.ts';
import { parseDevice, parseRestartPolicy } from '../values/resources.ts';
import { systemErrorText } from '../values/system-errors.ts';
import type { ContainerFlags } from './flags.ts';
import { type ContainerOptions, compact, someOf } from './given.ts';

type Values = FlagValues<ContainerFlags>;

function record(texts: readonly string[]): Record<string, string> | undefined {
  return texts.length === 0 ? undefined : toRecord(texts);
}

function tmpfs(texts: readonly string[]): Record<string, string> | undefined {
  if (texts.length === 0) return undefined;
  return Object.fromEntries(
    texts.map((text) => {
      const colon = text.indexOf(':');
      return colon < 0 ? [text, ''] : [text.slice(0, colon), text.slice(colon + 1)];
    }),
  );
}

/** `key=value` alone is an option of the storage driver. */
function storageOptions(texts: readonly string[]): Record<string, string> | undefined {
  if (texts.some((text) => !text.includes('='))) throw fail('invalid-argument', 'invalid storage option');
  return record(texts);
}

/** A seccomp profile in a file is sent as its text: the engine cannot see our files. */
function securityOptions(texts: readonly string[]): string[] | undefined {
  const options = texts.filter((text) => !/^systempaths[=:]unconfined$/.test(text));
  return someOf(
    options.map((text) => {
      if (!/[=:]/.test(text) && text !== 'no-new-privileges') {
        throw fail('invalid-argument', `Invalid --security-opt: "${text}"`);
      }
      const [, path = ''] = /^seccomp[=:](.*)$/.exec(text) ?? [];
      return path === '' || path === 'unconfined' || path === 'builtin' ? text : `seccomp=${readProfile(path)}`;
    }),
  );
}

function readProfile(path: string): string {
  let profile: string;
  try {
    profile = fileSystem().readFileSync(path, 'utf8');
  } catch (error) {
    const reason = `open ${path}: ${systemErrorText(error)}`;
    throw fail('invalid-argument', `opening seccomp profile (${path}) failed: ${reason}`, error);
  }
  try {
    return JSON.stringify(JSON.parse(profile));
  } catch (error) {
    throw fail('invalid-argument', `compacting json for seccomp profile (${path}) failed: ${messageOf(error)}`, error);
  }
}

/** What the namespaces flags may say; more is refused here, in docker's words. */
const modes: readonly (readonly [flag: 'pid' | 'uts' | 'userns' | 'cgroupns', name: string, valid: RegExp])[] = [
  ['pid', 'PID', /^(?:|host|container:.*)$/],
  ['uts', 'UTS', /^(?:|host)$/],
  ['userns', 'USER', /^(?:|host)$/],
  ['cgroupns', 'CGROUP', /^(?:|host|private)$/],
];

function checkModes(values: Values): void {
  for (const [flag, name, valid] of modes) {
    if (!valid.test(values[flag])) throw fail('invalid-argument', `--${flag}: invalid ${name} mode`);
  }
}

/** Flags that only an engine on Windows has a use for. */
const windowsFlags = ['cpu-count', 'cpu-percent', 'io-maxbandwidth', 'io-maxiops'] as const;

/**
 * Refuses what this engine could only ignore.
 * @throws CommandFailure
 */
function checkSupported({ values, given }: ContainerOptions): void {
  const windows = windowsFlags.find((flag) => given.has(flag));
  if (windows !== undefined) {
    const message = `"--${windows}" is only supported on a Docker daemon running on windows, but the Docker daemon is running on linux`;
    throw new CommandFailure(message);
  }
  if (!values['disable-content-trust']) {
    throw fail('not-implemented', '--disable-content-trust=false: signatures of images are not looked at yet');
  }
  if (values['use-api-socket']) throw fail('not-implemented', '--use-api-socket is not there yet');
}

function logConfig(values: Values): HostConfig['LogConfig'] | undefined {
  const driver = values['log-driver'];
  const options = toRecord(values['log-opt']);
  if (driver === 'none' && values['log-opt'].length > 0) {
    throw fail('invalid-argument', 'invalid logging opts for driver none');
  }
  return driver === '' && values['log-opt'].length === 0 ? undefined : { Type: driver, Config: options };
}

function resources(values: Values): Partial<HostConfig> {
  const swappiness = values['memory-swappiness'];
  if (swappiness !== undefined && (swappiness < -1 || swappiness > 100)) {
    throw fail('invalid-argument', `invalid value: ${swappiness}. Valid memory swappiness range is 0-100`);
  }
  return compact({
    CpuShares: values['cpu-shares'],
    NanoCpus: values.cpus || undefined,
    CpuPeriod: values['cpu-period'],
    CpuQuota: values['cpu-quota'],
    CpuRealtimePeriod: values['cpu-rt-period'],
    CpuRealtimeRuntime: values['cpu-rt-runtime'],
    CpusetCpus: values['cpuset-cpus'] || undefined,
    CpusetMems: values['cpuset-mems'] || undefined,
    Memory: values.memory || undefined,
    MemoryReservation: values['memory-reservation'] || undefined,
    MemorySwap: values['memory-swap'] || undefined,
    MemorySwappiness: swappiness,
    OomKillDisable: values['oom-kill-disable'] || undefined,
    PidsLimit: values['pids-limit'],
    Ulimits: someOf(values.ulimit),
    BlkioWeight: values['blkio-weight'],
    BlkioWeightDevice: someOf(values['blkio-weight-device']),
    BlkioDeviceReadBps: someOf(values['device-read-bps']),
    BlkioDeviceWriteBps: someOf(values['device-write-bps']),
    BlkioDeviceReadIOps: someOf(values['device-read-iops']),
    BlkioDeviceWriteIOps: someOf(values['device-write-iops']),
    Devices: someOf(values.device.map(parseDevice)),
    DeviceCgroupRules: someOf(values['device-cgroup-rule']),
    DeviceRequests: someOf(values.gpus),
    CgroupParent: values['cgroup-parent'] || undefined,
    ShmSize: values['shm-size'] || undefined,
    OomScoreAdj: values['oom-score-adj'],
  });
}

function namespaces(values: Values): Partial<HostConfig> {
  const unconfinedPaths = values['security-opt'].some((text) => /^systempaths[=:]unconfined$/.test(text));
  return compact({
    CgroupnsMode: values.cgroupns || undefined,
    IpcMode: values.ipc || undefined,
    PidMode: values.pid || undefined,
    UTSMode: values.uts || undefined,
    UsernsMode: values.userns || undefined,
    Isolation: values.isolation || undefined,
    Runtime: values.runtime || undefined,
    Privileged: values.privileged || undefined,
    CapAdd: someOf(values['cap-add']),
    CapDrop: someOf(values['cap-drop']),
    SecurityOpt: securityOptions(values['security-opt']),
    Sysctls: record(values.sysctl),
    MaskedPaths: unconfinedPaths ? [] : undefined,
    ReadonlyPaths: unconfinedPaths ? [] : undefined,
  });
}

/**
 * The HostConfig for the flags of `run` and `create`; only what was asked for is in it.
 * @throws `invalid-argument`, in docker's words
 */
export function hostConfig(
  options: ContainerOptions,
  parsed: {
    binds: readonly string[];
    portBindings: Readonly<Record<string, PortBinding[]>>;
    networkMode: string;
  },
): Partial<HostConfig> {
  const { values, given } = options;
  checkSupported(options);
  checkModes(values);
  if (values.rm && given.has('restart') && !['', 'no'].includes(values.restart)) {
    throw fail('invalid-argument', 'conflicting options: cannot specify both --restart and --rm');
  }
  return {
    ...compact({
      Binds: someOf(parsed.binds),
      ContainerIDFile: values.cidfile || undefined,
      LogConfig: logConfig(values),
      NetworkMode: parsed.networkMode,
      PortBindings: Object.keys(parsed.portBindings).length === 0 ? undefined : { ...parsed.portBindings },
      RestartPolicy: given.has('restart') ? parseRestartPolicy(values.restart) : undefined,
      AutoRemove: values.rm || undefined,
      VolumeDriver: values['volume-driver'] || undefined,
      VolumesFrom: someOf(values['volumes-from']),
      Annotations: record(values.annotation),
      Dns: someOf(values.dns),
      DnsOptions: someOf([...values['dns-option'], ...values['dns-opt']]),
      DnsSearch: someOf(values['dns-search']),
      ExtraHosts: someOf(values['add-host']),
      GroupAdd: someOf(values['group-add']),
      Links: someOf(values.link),
      PublishAllPorts: values['publish-all'] || undefined,
      ReadonlyRootfs: values['read-only'] || undefined,
      StorageOpt: storageOptions(values['storage-opt']),
      Tmpfs: tmpfs(values.tmpfs),
      Mounts: someOf(values.mount),
      Init: given.has('init') ? values.init : undefined,
    }),
    ...namespaces(values),
    ...resources(values),
  };
}
