import { engineInfo } from '#client';
import { messageOf } from '#std/errors';
import { printBinarySize } from '#std/sizes';
import { CommandFailure, failureText } from '../../failure.ts';
import { defineCommand } from '../../grammar/command.ts';
import { inspectFormat } from '../../grammar/format-flag.ts';
import { printStruct } from '../../print/inspection.ts';
import { writeErr, writeOut } from '../../streams/text-output.ts';
import { dockerVersion } from '../version.ts';

type Info = Record<string, unknown>;

const text = (value: unknown): string => (value === undefined || value === null ? '' : String(value));
const words = (value: unknown): string => (Array.isArray(value) ? value.join(' ') : '');
const entries = (value: unknown): [string, unknown][] =>
  typeof value === 'object' && value !== null ? Object.entries(value) : [];

function pluginLines(plugins: unknown): string[] {
  const lines = ['Volume', 'Network', 'Log'].flatMap((kind) => {
    const names = entries(plugins).find(([name]) => name === kind)?.[1];
    return Array.isArray(names) && names.length > 0 ? [`  ${kind}: ${names.join(' ')}`] : [];
  });
  return lines.length === 0 ? [] : [' Plugins:', ...lines];
}

function storageLines({ Driver, DriverStatus }: Info): string[] {
  const details = Array.isArray(DriverStatus) ? DriverStatus : [];
  const detail = (pair: unknown): string => (Array.isArray(pair) ? `  ${text(pair[0])}: ${text(pair[1])}` : '');
  return [` Storage Driver: ${text(Driver)}`, ...details.map(detail)];
}

/** Each option is its name, with what belongs to it on lines of its own: `name=seccomp,profile=builtin`. */
function securityLines(options: unknown): string[] {
  if (!Array.isArray(options) || options.length === 0) return [];
  const lines = options.flatMap((option) => {
    const [name = '', ...rest] = String(option).split(',');
    const title = (key: string): string => key.charAt(0).toUpperCase() + key.slice(1);
    return [
      `  ${name.replace(/^name=/, '')}`,
      ...rest.map((pair) => `   ${title(pair.split('=')[0] ?? '')}: ${pair.split('=').slice(1).join('=')}`),
    ];
  });
  return [' Security Options:', ...lines];
}

const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const record = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? { ...value } : {};

/** A heading with a line for each item; nothing when there is none. */
function block(heading: string, items: readonly unknown[]): string[] {
  return items.length === 0 ? [] : [` ${heading}:`, ...items.map((item) => `  ${text(item)}`)];
}

function registryLines(registry: unknown): string[] {
  const { IndexConfigs, InsecureRegistryCIDRs, Mirrors } = record(registry);
  const insecure = entries(IndexConfigs)
    .filter(([, index]) => record(index).Secure === false)
    .map(([name]) => name);
  return [
    ...block('Insecure Registries', [...insecure, ...list(InsecureRegistryCIDRs)]),
    ...block('Registry Mirrors', list(Mirrors)),
  ];
}

function poolLines(pools: unknown): string[] {
  const items = list(pools).map((pool) => `Base: ${text(record(pool).Base)}, Size: ${text(record(pool).Size)}`);
  return items.length === 0 ? [] : [' Default Address Pools:', ...items.map((item) => `   ${item}`)];
}

const line = (label: string, value: unknown): string[] => (text(value) === '' ? [] : [` ${label}: ${text(value)}`]);
/** A version by its commit; docker ends the line after the colon when there is none. */
const commit = (label: string, value: unknown): string => ` ${label} version: ${text(record(value).ID)}`;

function countLines(info: Info): string[] {
  return [
    ` Containers: ${text(info.Containers)}`,
    `  Running: ${text(info.ContainersRunning)}`,
    `  Paused: ${text(info.ContainersPaused)}`,
    `  Stopped: ${text(info.ContainersStopped)}`,
    ` Images: ${text(info.Images)}`,
    ...line('Server Version', info.ServerVersion),
    ...storageLines(info),
    ...line('Logging Driver', info.LoggingDriver),
    ...line('Cgroup Driver', info.CgroupDriver),
    ...line('Cgroup Version', info.CgroupVersion),
    ...pluginLines(info.Plugins),
    ...block('CDI spec directories', list(info.CDISpecDirs)),
    ...line('Swarm', record(info.Swarm).LocalNodeState),
    ` Runtimes: ${words(entries(info.Runtimes).map(([name]) => name))}`,
    ...line('Default Runtime', info.DefaultRuntime),
    ...line('Init Binary', info.InitBinary),
    ...(info.ContainerdCommit ? [commit('containerd', info.ContainerdCommit)] : []),
    ...(info.RuncCommit ? [commit('runc', info.RuncCommit)] : []),
    ...(info.InitCommit ? [commit('init', info.InitCommit)] : []),
  ];
}

function serverLines(info: Info): string[] {
  return [
    ...countLines(info),
    ...securityLines(info.SecurityOptions),
    ...line('Kernel Version', info.KernelVersion),
    ...line('Operating System', info.OperatingSystem),
    ...line('OSType', info.OSType),
    ...line('Architecture', info.Architecture),
    ` CPUs: ${text(info.NCPU)}`,
    ` Total Memory: ${printBinarySize(Number(info.MemTotal ?? 0))}`,
    ...line('Name', info.Name),
    ...line('ID', info.ID),
    ` Docker Root Dir: ${text(info.DockerRootDir)}`,
    ` Debug Mode: ${text(info.Debug ?? false)}`,
    ...line('HTTP Proxy', info.HttpProxy),
    ...line('HTTPS Proxy', info.HttpsProxy),
    ...line('No Proxy', info.NoProxy),
    ...block('Labels', list(info.Labels)),
    ` Experimental: ${text(info.ExperimentalBuild ?? false)}`,
    ...registryLines(info.RegistryConfig),
    ` Live Restore Enabled: ${text(info.LiveRestoreEnabled ?? false)}`,
    ...line('Product License', info.ProductLicense),
    ...poolLines(info.DefaultAddressPools),
  ];
}

/** `system info`, also `info`. */
export const info = defineCommand({
  usage: '[OPTIONS]',
  flags: { format: inspectFormat() },
  args: { min: 0, max: 0 },
  async run({ flags, engine, contextName, program, version, ...rest }) {
    const clientVersion = program === 'docker' ? dockerVersion : version;
    const client = [
      'Client:',
      ` Version:    ${clientVersion}`,
      ` Context:    ${contextName}`,
      ` Debug Mode: ${rest.debug}`,
      '',
    ];
    let server: Info = {};
    let failure: unknown;
    try {
      server = await engineInfo(engine);
    } catch (error) {
      failure = error;
    }
    const ClientInfo = { Debug: rest.debug, Context: contextName, Version: clientVersion, Plugins: [], Warnings: null };
    const whole = { ...server, ClientInfo };
    if (flags.format === 'json') writeOut(`${JSON.stringify(whole)}\n`);
    else if (flags.format === '') {
      const lines = failure === undefined ? [...serverLines(server), ''] : [];
      writeOut(`${[...client, 'Server:', ...lines].join('\n')}\n`);
      for (const warning of list(server.Warnings)) writeErr(`${text(warning)}\n`);
    } else await writeInfo({ ...whole, ServerErrors: failure === undefined ? [] : [messageOf(failure)] }, flags.format);
    if (failure !== undefined) throw new CommandFailure(failureText(failure, program), 1, { cause: failure });
    return 0;
  },
});

async function writeInfo(info: Info, format: string): Promise<void> {
  try {
    writeOut(await printStruct(info, format, { type: 'system.dockerInfo' }));
  } catch (error) {
    if (!(error instanceof CommandFailure)) writeOut('\n');
    throw error;
  }
}
