import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { ContainerDefaults } from '#containers';
import type { TlsFiles } from '#http';
import type { ImageGcPolicy } from '#images';
import type { NetworkSettings } from '#networks';
import type { LogLevel } from '#std/log';
import type { BuilderGcSetting } from './builder-gc.ts';
import { checkSettings } from './check.ts';
import { readFile } from './file.ts';
import { parseFlags } from './flags.ts';
import { networkSettings } from './networks.ts';
import { readSeccompProfile } from './seccomp-profile.ts';
import { defaults } from './table.ts';
import type { DefaultUlimit, RuntimeSetting, Value } from './values.ts';

/** All that can be set of an engine. */
export interface EngineSettings {
  readonly dataRoot: string;
  readonly execRoot: string;
  /** `unix:///path`, `tcp://ip:port` or `fd://`, at least one. */
  readonly hosts: readonly string[];
  readonly group: string;
  /** Files for TLS on TCP; undefined for plain TCP. */
  readonly tls?: TlsFiles;
  readonly detach: boolean;
  readonly validate: boolean;
  /** The daemon.json that was read, and is read again at SIGHUP. */
  readonly configFile?: string;
  readonly pidFile?: string;
  readonly logLevel: LogLevel;
  readonly logFormat: 'text' | 'json';
  readonly metricsAddress?: string;
  readonly labels: readonly string[];
  /** Empty for Docker's own places. */
  readonly pluginDirectories: readonly string[];
  readonly liveRestore: boolean;
  readonly shutdownTimeoutSeconds: number;
  readonly networks: NetworkSettings;
  readonly cgroupParent?: string;
  /** Options of the log driver for containers that name none. */
  readonly logOptions: Readonly<Record<string, string>>;
  readonly containers: ContainerDefaults;
  /** Runtimes by name, beside the built-in ones. */
  readonly runtimes: Readonly<Record<string, RuntimeSetting>>;
  readonly registryMirrors: readonly string[];
  /** Base URLs by the registry's host. */
  readonly mirrorsByRegistry: Readonly<Record<string, readonly string[]>>;
  /** Undefined for Docker's own place. */
  readonly registryCertificates?: string;
  readonly insecureRegistries: readonly string[];
  readonly proxies: Readonly<Record<string, string>>;
  readonly features: Readonly<Record<string, boolean>>;
  /** Undefined when images are never removed by themselves. */
  readonly imageGc: ImageGcPolicy | undefined;
  readonly builderGc: BuilderGcSetting;
  /** For pull and push. */
  readonly transfers: { readonly downloads: number; readonly uploads: number; readonly attempts: number };
}

/** Values by the name of their setting, each read as what its kind says it is. */
export class Values {
  readonly #values: ReadonlyMap<string, Value>;

  constructor(values: ReadonlyMap<string, Value>) {
    this.#values = values;
  }

  /** A text or a choice; empty counts as not given. */
  text(name: string): string | undefined {
    const value = this.#values.get(name);
    return typeof value === 'string' && value !== '' ? value : undefined;
  }

  flag(name: string): boolean | undefined {
    const value = this.#values.get(name);
    return typeof value === 'boolean' ? value : undefined;
  }

  number(name: string): number | undefined {
    const value = this.#values.get(name);
    return typeof value === 'number' ? value : undefined;
  }

  list<T = string>(name: string): readonly T[] {
    const value = this.#values.get(name);
    return Array.isArray(value) ? (value as T[]) : [];
  }

  /** What a check of its own has read. */
  checked<T>(name: string): T | undefined {
    const value = this.#values.get(name);
    return value === undefined ? undefined : (value as unknown as T);
  }

  record<T>(name: string): Readonly<Record<string, T>> {
    const value = this.#values.get(name);
    return typeof value === 'object' && !Array.isArray(value) ? (value as Readonly<Record<string, T>>) : {};
  }
}

function tlsFiles(values: Values): TlsFiles | undefined {
  const verifies = values.flag('tlsverify') ?? false;
  if (!verifies && !(values.flag('tls') ?? false)) return undefined;
  const file = (name: string, usual: string) => resolve(values.text(name) ?? join(homedir(), '.docker', usual));
  return {
    certificate: file('tlscert', 'cert.pem'),
    key: file('tlskey', 'key.pem'),
    ...(verifies && { authority: file('tlscacert', 'ca.pem') }),
  };
}

function containerDefaults(values: Values): ContainerDefaults {
  const seccomp = values.text('seccomp-profile');
  return {
    logDriver: values.text('log-driver') ?? 'json-file',
    logOptions: values.record('log-opts'),
    shmBytes: values.number('default-shm-size'),
    ipcMode: values.text('default-ipc-mode'),
    cgroupnsMode: values.text('default-cgroupns-mode'),
    runtime: values.text('default-runtime'),
    ulimits: values.list<DefaultUlimit>('default-ulimits'),
    init: values.flag('init') ?? false,
    noNewPrivileges: values.flag('no-new-privileges') ?? false,
    seccompProfile: seccomp === undefined ? undefined : readSeccompProfile(seccomp),
    dns: values.list('dns'),
    dnsOptions: values.list('dns-opts'),
    dnsSearch: values.list('dns-search'),
    hostGateway: values.list('host-gateway-ips')[0],
  };
}

function toSettings(values: Values, configFile: string | undefined): EngineSettings {
  const [tls, pidFile] = [tlsFiles(values), values.text('pidfile')];
  const [cgroupParent, metricsAddress] = [values.text('cgroup-parent'), values.text('metrics-addr')];
  const certificates = values.text('registry-certificates');
  const hosts = values.list('hosts');
  const level = values.text('log-level') ?? 'info';
  return {
    dataRoot: resolve(values.text('data-root') ?? defaults.dataRoot),
    execRoot: resolve(values.text('exec-root') ?? defaults.execRoot),
    hosts: hosts.length > 0 ? hosts : [defaults.host],
    group: values.text('group') ?? 'docker',
    ...(tls !== undefined && { tls }),
    detach: values.flag('detach') ?? false,
    validate: values.flag('validate') ?? false,
    ...(configFile !== undefined && { configFile }),
    ...(pidFile !== undefined && { pidFile: resolve(pidFile) }),
    logLevel: values.flag('debug') ? 'debug' : ((level === 'fatal' ? 'error' : level) as LogLevel),
    logFormat: values.text('log-format') === 'json' ? 'json' : 'text',
    ...(metricsAddress !== undefined && { metricsAddress }),
    labels: values.list('labels'),
    pluginDirectories: values.list('plugin-directories').map((directory) => resolve(directory)),
    liveRestore: values.flag('live-restore') ?? true,
    shutdownTimeoutSeconds: values.number('shutdown-timeout') ?? 15,
    networks: networkSettings(values),
    ...(cgroupParent !== undefined && { cgroupParent }),
    logOptions: values.record('log-opts'),
    containers: containerDefaults(values),
    runtimes: values.record('runtimes'),
    registryMirrors: values.list('registry-mirrors'),
    mirrorsByRegistry: values.record('registry-mirrors-by-host'),
    ...(certificates !== undefined && { registryCertificates: resolve(certificates) }),
    insecureRegistries: values.list('insecure-registries'),
    proxies: values.record('proxies'),
    features: values.record('features'),
    imageGc: values.checked<ImageGcPolicy>('image-gc'),
    builderGc: values.checked<BuilderGcSetting>('builder') ?? { isEnabled: true },
    transfers: {
      downloads: values.number('max-concurrent-downloads') || 3,
      uploads: values.number('max-concurrent-uploads') || 5,
      attempts: values.number('max-download-attempts') || 5,
    },
  };
}

/**
 * Settings from the command line and from daemon.json (what both give is refused), over the defaults. Called again at
 * SIGHUP. Throws `invalid-argument`.
 */
export function readSettings(argv: readonly string[]): EngineSettings {
  const flags = parseFlags(argv);
  const given = new Values(flags).text('config-file');
  const file = given ?? (existsSync(defaults.configFile) ? defaults.configFile : undefined);
  // What says where the file is may stand in it no more than anything else that was said already.
  const values = new Values(file === undefined ? flags : new Map([...flags, ...readFile(resolve(file), flags)]));
  checkSettings(values);
  return toSettings(values, file === undefined ? undefined : resolve(file));
}
