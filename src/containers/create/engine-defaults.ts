import type { HostConfig } from '#api';

/** What the engine's settings give to containers that do not say otherwise. */
export interface ContainerDefaults {
  readonly logDriver: string;
  readonly logOptions: Readonly<Record<string, string>>;
  readonly shmBytes: number | undefined;
  readonly ipcMode: string | undefined;
  readonly cgroupnsMode: string | undefined;
  readonly runtime: string | undefined;
  readonly ulimits: readonly { readonly Name: string; readonly Soft: number; readonly Hard: number }[];
  readonly init: boolean;
  readonly noNewPrivileges: boolean;
  /** The JSON of a profile, or `unconfined`; undefined for the built-in one. */
  readonly seccompProfile: string | undefined;
  readonly dns: readonly string[];
  readonly dnsOptions: readonly string[];
  readonly dnsSearch: readonly string[];
  /** An address that `host-gateway` stands for, in place of the bridge's. */
  readonly hostGateway: string | undefined;
}

function securityOptions(asked: readonly string[], privileged: boolean, defaults: ContainerDefaults): string[] {
  const { noNewPrivileges, seccompProfile } = defaults;
  const says = (name: string) =>
    asked.some((option) => option === name || option.startsWith(`${name}=`) || option.startsWith(`${name}:`));
  return [
    ...asked,
    ...(noNewPrivileges && !says('no-new-privileges') ? ['no-new-privileges'] : []),
    ...(seccompProfile !== undefined && !privileged && !says('seccomp') ? [`seccomp=${seccompProfile}`] : []),
  ];
}

/** Docker merges the engine's log options into those of a container that has the same driver, or names none. */
function logConfig(
  asked: Partial<HostConfig>['LogConfig'],
  { logDriver, logOptions }: ContainerDefaults,
): HostConfig['LogConfig'] {
  const type = asked?.Type || logDriver;
  return { Type: type, Config: type === logDriver ? { ...logOptions, ...asked?.Config } : (asked?.Config ?? {}) };
}

/** A host configuration with the engine's defaults in the place of what it leaves open. */
export function withEngineDefaults(asked: Partial<HostConfig>, defaults: ContainerDefaults): Partial<HostConfig> {
  const privileged = asked.Privileged ?? false;
  const named = new Set((asked.Ulimits ?? []).map(({ Name }) => Name));
  const ulimits = [...(asked.Ulimits ?? []), ...defaults.ulimits.filter(({ Name }) => !named.has(Name))];
  const security = securityOptions(asked.SecurityOpt ?? [], privileged, defaults);
  const { hostGateway } = defaults;
  const lists = { Dns: defaults.dns, DnsOptions: defaults.dnsOptions, DnsSearch: defaults.dnsSearch } as const;
  const missing = (Object.keys(lists) as (keyof typeof lists)[]).filter(
    (name) => lists[name].length > 0 && (asked[name] ?? []).length === 0,
  );
  return {
    ...asked,
    LogConfig: logConfig(asked.LogConfig, defaults),
    ShmSize: asked.ShmSize || (defaults.shmBytes ?? 0),
    IpcMode: asked.IpcMode || (defaults.ipcMode ?? ''),
    CgroupnsMode: asked.CgroupnsMode || (privileged ? '' : (defaults.cgroupnsMode ?? '')),
    Runtime: asked.Runtime || (defaults.runtime ?? ''),
    ...(ulimits.length > 0 && { Ulimits: ulimits }),
    ...(defaults.init && { Init: asked.Init ?? true }),
    ...(security.length > 0 && { SecurityOpt: security }),
    ...Object.fromEntries(missing.map((name) => [name, [...lists[name]]])),
    ...(hostGateway !== undefined &&
      asked.ExtraHosts && {
        ExtraHosts: asked.ExtraHosts.map((line) => line.replace(/([:=])host-gateway$/, `$1${hostGateway}`)),
      }),
  };
}
