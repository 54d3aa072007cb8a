import { engineInfo } from '#client';
import { CommandFailure, failureText } from '../../failure.ts';
import { defineCommand } from '../../grammar/command.ts';
import { inspectFormat } from '../../grammar/format-flag.ts';
import { printInspection } from '../../print/inspection.ts';
import { writeErr, writeOut } from '../../streams/text-output.ts';
import { printBinarySize } from '../../values/sizes.ts';

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

function serverLines(info: Info): string[] {
  return [
    ` Containers: ${text(info.Containers)}`,
    `  Running: ${text(info.ContainersRunning)}`,
    `  Paused: ${text(info.ContainersPaused)}`,
    `  Stopped: ${text(info.ContainersStopped)}`,
    ` Images: ${text(info.Images)}`,
    ` Server Version: ${text(info.ServerVersion)}`,
    ...storageLines(info),
    ` Logging Driver: ${text(info.LoggingDriver)}`,
    ` Cgroup Driver: ${text(info.CgroupDriver)}`,
    ...(info.CgroupVersion ? [` Cgroup Version: ${text(info.CgroupVersion)}`] : []),
    ...pluginLines(info.Plugins),
    ` Runtimes: ${words(entries(info.Runtimes).map(([name]) => name))}`,
    ` Default Runtime: ${text(info.DefaultRuntime)}`,
    ` Init Binary: ${text(info.InitBinary)}`,
    ...securityLines(info.SecurityOptions),
    ` Kernel Version: ${text(info.KernelVersion)}`,
    ` Operating System: ${text(info.OperatingSystem)}`,
    ` OSType: ${text(info.OSType)}`,
    ` Architecture: ${text(info.Architecture)}`,
    ` CPUs: ${text(info.NCPU)}`,
    ` Total Memory: ${printBinarySize(Number(info.MemTotal ?? 0))}`,
    ` Name: ${text(info.Name)}`,
    ` ID: ${text(info.ID)}`,
    ` Docker Root Dir: ${text(info.DockerRootDir)}`,
    ` Debug Mode: ${text(info.Debug ?? false)}`,
    ` Experimental: ${text(info.ExperimentalBuild ?? false)}`,
    ` Live Restore Enabled: ${text(info.LiveRestoreEnabled ?? false)}`,
  ];
}

/** `system info`, also `info`. */
export const info = defineCommand({
  usage: '[OPTIONS]',
  flags: { format: inspectFormat() },
  args: { min: 0, max: 0 },
  async run({ flags, engine, contextName, program, version }) {
    const client = ['Client:', ` Version:    ${version}`, ` Context:    ${contextName}`, ' Debug Mode: false', ''];
    let server: Info;
    try {
      server = await engineInfo(engine);
    } catch (error) {
      if (flags.format === '') writeOut(`${[...client, 'Server:'].join('\n')}\n`);
      throw new CommandFailure(failureText(error, program), 1, { cause: error });
    }
    if (flags.format === 'json') writeOut(`${JSON.stringify(server)}\n`);
    else if (flags.format !== '') writeOut(await printInspection([server], flags.format));
    else {
      writeOut(`${[...client, 'Server:', ...serverLines(server)].join('\n')}\n\n`);
      const warnings = Array.isArray(server.Warnings) ? server.Warnings : [];
      for (const warning of warnings) writeErr(`${text(warning)}\n`);
    }
    return 0;
  },
});
