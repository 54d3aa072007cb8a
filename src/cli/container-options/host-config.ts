import type { HostConfig, PortBinding } from '#api';
import { fail } from '#std/errors';
import { fileSystem } from '../builtins.ts';
import type { FlagValues } from '../grammar/flag.ts';
import { toRecord } from '../values/key-values.ts';
import { parseRestartPolicy } from '../values/resources.ts';
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

/** `--add-host name=ip` is another way to write `name:ip`; the API knows the colon alone. */
function extraHosts(texts: readonly string[]): string[] | undefined {
  return someOf(
    texts.map((text) => {
      const [, name, address] = /^([^:=]+)[:=](.+)$/.exec(text) ?? [];
      if (name === undefined || address === undefined) {
        throw fail('invalid-argument', `bad format for add-host: "${text}"`);
      }
      return `${name}:${address.replace(/^\[(.*)\]$/, '$1')}`;
    }),
  );
}

/** A seccomp profile in a file is sent as its text: the engine cannot see our files. */
function securityOptions(texts: readonly string[]): string[] | undefined {
  const options = texts.filter((text) => !/^systempaths[=:]unconfined$/.test(text));
  return someOf(
    options.map((text) => {
      const [, path = ''] = /^seccomp[=:](.*)$/.exec(text) ?? [];
      if (path === '' || path === 'unconfined' || path === 'builtin') return text;
      try {
        return `seccomp=${JSON.stringify(JSON.parse(fileSystem().readFileSync(path, 'utf8')))}`;
      } catch (error) {
        throw fail('invalid-argument', `opening seccomp profile (${path}) failed: ${systemErrorText(error)}`, error);
      }
    }),
  );
}

function logConfig(values: Values): HostConfig['LogConfig'] | undefined {
  const driver = values['log-driver'];
  const options = toRecord(values['log-opt']);
  if (driver === 'none' && values['log-opt'].length > 0) {
    throw fail('invalid-argument', 'invalid logging opts for driver none');
  }
  return driver === '' && values['log-opt'].length === 0 ? undefined : { Type: driver, Config: options };
}

function gpus(text: string): HostConfig['DeviceRequests'] | undefined {
  if (text === '') return undefined;
  const count = text === 'all' ? -1 : Number(text);
  if (!Number.isInteger(count)) throw fail('invalid-argument', `invalid value for gpus: ${text}`);
  return [{ Driver: '', Count: count, DeviceIDs: null, Capabilities: [['gpu']], Options: {} }];
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
    CpuCount: values['cpu-count'],
    CpuPercent: values['cpu-percent'],
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
    IOMaximumIOps: values['io-maxiops'],
    IOMaximumBandwidth: values['io-maxbandwidth'] || undefined,
    Devices: someOf(values.device),
    DeviceCgroupRules: someOf(values['device-cgroup-rule']),
    DeviceRequests: gpus(values.gpus),
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
  { values, given }: ContainerOptions,
  parsed: {
    binds: readonly string[];
    portBindings: Readonly<Record<string, PortBinding[]>>;
    networkMode: string;
  },
): Partial<HostConfig> {
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
      ExtraHosts: extraHosts(values['add-host']),
      GroupAdd: someOf(values['group-add']),
      Links: someOf(values.link),
      PublishAllPorts: values['publish-all'] || undefined,
      ReadonlyRootfs: values['read-only'] || undefined,
      StorageOpt: record(values['storage-opt']),
      Tmpfs: tmpfs(values.tmpfs),
      Mounts: someOf(values.mount),
      Init: given.has('init') ? values.init : undefined,
    }),
    ...namespaces(values),
    ...resources(values),
  };
}
