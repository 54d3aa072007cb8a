import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { fail, messageOf } from '#std/errors';
import type { LogLevel } from '#std/log';

/** All that can be set of an engine. */
export interface EngineSettings {
  readonly dataRoot: string;
  readonly execRoot: string;
  /** `unix:///path` or `tcp://ip:port`, at least one. */
  readonly hosts: readonly string[];
  readonly detach: boolean;
  readonly pidFile?: string;
  readonly logLevel: LogLevel;
  readonly logFormat: 'text' | 'json';
  /** Address and prefix length of the default bridge. */
  readonly bridgeAddress?: string;
  readonly mtu?: number;
  readonly cgroupParent?: string;
  /** Options of the json-file log driver for containers that name none. */
  readonly logOptions: Readonly<Record<string, string>>;
}

const defaults = { dataRoot: '/var/lib/estiba', execRoot: '/run/estiba', host: 'unix:///run/estiba/estiba.sock' };
const levels: readonly string[] = ['debug', 'info', 'warn', 'error'];

export const engineHelp = `Usage:  estiba engine [OPTIONS]
        estiba engine stop [--all] [--host HOST]

Run the engine, or stop the one that runs

Options:
      --data-root DIR       Where containers, images and volumes are kept (default "${defaults.dataRoot}")
      --exec-root DIR       Where the state of what runs is kept (default "${defaults.execRoot}")
  -H, --host HOST           unix://PATH or tcp://IP:PORT to serve the API on; may be given several times
                            (default "${defaults.host}")
  -d, --detach              Go to the background once the engine answers
  -p, --pidfile FILE        Write the engine's process id to this file
      --config-file FILE    Read settings from a daemon.json
      --log-level LEVEL     debug, info, warn or error (default "info")
      --log-format FORMAT   text or json (default "text")
  -D, --debug               The same as --log-level debug

Stop:
      --all                 Stop all containers and the keeper too; else they go on without an engine
`;

interface ConfigFile {
  'data-root'?: string;
  'exec-root'?: string;
  hosts?: string[];
  pidfile?: string;
  debug?: boolean;
  'log-level'?: string;
  'log-format'?: string;
  'log-opts'?: Record<string, string>;
  bip?: string;
  mtu?: number;
  'cgroup-parent'?: string;
}

const configKeys: Readonly<Record<keyof ConfigFile, 'string' | 'boolean' | 'number' | 'strings' | 'map'>> = {
  'data-root': 'string',
  'exec-root': 'string',
  hosts: 'strings',
  pidfile: 'string',
  debug: 'boolean',
  'log-level': 'string',
  'log-format': 'string',
  'log-opts': 'map',
  bip: 'string',
  mtu: 'number',
  'cgroup-parent': 'string',
};

function hasType(value: unknown, type: string): boolean {
  if (type === 'strings') return Array.isArray(value) && value.every((item) => typeof item === 'string');
  if (type === 'map')
    return (
      typeof value === 'object' && value !== null && Object.values(value).every((item) => typeof item === 'string')
    );
  return typeof value === type;
}

function readConfigFile(path: string): ConfigFile {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw fail('invalid-argument', `unable to configure the engine with file ${path}: ${messageOf(error)}`);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw fail('invalid-argument', `unable to configure the engine with file ${path}: not a JSON object`);
  }
  for (const [key, value] of Object.entries(parsed)) {
    const type = configKeys[key as keyof ConfigFile];
    if (type === undefined) {
      throw fail(
        'invalid-argument',
        `unable to configure the engine with file ${path}: the following directives don't match any configuration option: ${key}`,
      );
    }
    if (!hasType(value, type)) {
      throw fail('invalid-argument', `unable to configure the engine with file ${path}: ${key} is not a ${type}`);
    }
  }
  return parsed as ConfigFile;
}

const flags = {
  'data-root': { type: 'string' },
  'exec-root': { type: 'string' },
  host: { type: 'string', short: 'H', multiple: true },
  detach: { type: 'boolean', short: 'd' },
  pidfile: { type: 'string', short: 'p' },
  'config-file': { type: 'string' },
  'log-level': { type: 'string' },
  'log-format': { type: 'string' },
  debug: { type: 'boolean', short: 'D' },
} as const;

/** Settings from the command line, over those of the configuration file, over the defaults; throws `invalid-argument`. */
export function readSettings(argv: readonly string[]): EngineSettings {
  let given: ReturnType<typeof parseFlags>;
  try {
    given = parseFlags(argv);
  } catch (error) {
    throw fail('invalid-argument', messageOf(error));
  }
  const file = given['config-file'] === undefined ? {} : readConfigFile(given['config-file']);
  const logLevel = (given.debug ?? file.debug) ? 'debug' : (given['log-level'] ?? file['log-level'] ?? 'info');
  if (!levels.includes(logLevel)) throw fail('invalid-argument', `invalid log level: ${logLevel}`);
  const logFormat = given['log-format'] ?? file['log-format'] ?? 'text';
  if (logFormat !== 'text' && logFormat !== 'json') throw fail('invalid-argument', `invalid log format: ${logFormat}`);
  const hosts = given.host ?? file.hosts ?? [defaults.host];
  for (const host of hosts) {
    if (!/^(unix:\/\/\/.+|tcp:\/\/.+:\d+)$/.test(host)) {
      throw fail('invalid-argument', `invalid host ${host}: expected unix:///PATH or tcp://IP:PORT`);
    }
  }
  const pidFile = given.pidfile ?? file.pidfile;
  return {
    dataRoot: resolve(given['data-root'] ?? file['data-root'] ?? defaults.dataRoot),
    execRoot: resolve(given['exec-root'] ?? file['exec-root'] ?? defaults.execRoot),
    hosts,
    detach: given.detach ?? false,
    ...(pidFile !== undefined && { pidFile: resolve(pidFile) }),
    logLevel: logLevel as LogLevel,
    logFormat,
    logOptions: file['log-opts'] ?? {},
    ...(file.bip !== undefined && { bridgeAddress: file.bip }),
    ...(file.mtu !== undefined && { mtu: file.mtu }),
    ...(file['cgroup-parent'] !== undefined && { cgroupParent: file['cgroup-parent'] }),
  };
}

function parseFlags(argv: readonly string[]) {
  return parseArgs({ args: [...argv], options: flags, allowPositionals: false }).values;
}
