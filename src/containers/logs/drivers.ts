import { join } from 'node:path';
import type { LogConfig } from '#api';
import type { ForwardTarget, LogTarget } from '#keeper';
import { fail } from '#std/errors';
import type { ContainerPaths } from '../paths.ts';
import type { ContainerRecord } from '../record.ts';
import { checkExpressions, jsonAttributes } from './attributes.ts';
import { jsonFileOptions, localOptions } from './file-options.ts';
import { binarySize, booleanWord, type LogDriverOptions } from './option-values.ts';
import { checkSyslog, journalTarget, syslogTarget } from './remote.ts';
import { checkTag } from './tag.ts';

const describing = ['labels', 'labels-regex', 'env', 'env-regex', 'tag'];
const sizing = ['max-size', 'max-file', 'compress'];
const syslogNames = ['address', 'facility', 'format', 'tls-ca-cert', 'tls-cert', 'tls-key', 'tls-skip-verify'];
const modeOptions = ['mode', 'max-buffer-size'];
const cacheOptions = ['cache-disabled', 'cache-max-size', 'cache-max-file', 'cache-compress'];
const defaultBufferBytes = 1024 * 1024;

interface Driver {
  readonly options: readonly string[];
  /** What Docker says of an option that the driver does not have. */
  readonly unknown: (key: string) => string;
  readonly check: (options: LogDriverOptions) => void;
}

function driver(name: string, options: readonly string[], check: Driver['check']): Driver {
  return { options, check, unknown: (key) => `unknown log opt '${key}' for ${name} log driver` };
}

const drivers: Readonly<Record<string, Driver>> = {
  'json-file': driver('json-file', [...sizing, ...describing], jsonFileOptions),
  local: {
    options: sizing,
    unknown: (key) => `unknown log opt '${key}' for log driver local`,
    check: (options) => void localOptions(options),
  },
  syslog: driver('syslog', [...describing, ...syslogNames.map((name) => `syslog-${name}`)], checkSyslog),
  journald: driver('journald', describing, () => undefined),
};

/** The drivers that there are, as `GET /info` lists them. */
export const logDriverNames: readonly string[] = Object.keys(drivers).sort();

function checkMode(options: LogDriverOptions): void {
  const { mode = '', 'max-buffer-size': size } = options;
  if (mode !== '' && mode !== 'blocking' && mode !== 'non-blocking')
    throw fail('invalid-argument', `logger: logging mode not supported: ${mode}`);
  if (size === undefined) return;
  if (mode !== 'non-blocking')
    throw fail('invalid-argument', "logger: max-buffer-size option is only supported with 'mode=non-blocking'");
  if (binarySize(size) === undefined)
    throw fail('invalid-argument', `error parsing option max-buffer-size: invalid size: '${size}'`);
}

/** Whether a driver's output is kept in a cache beside it, to be read back. */
function isCached(options: LogDriverOptions): boolean {
  const disabled = options['cache-disabled'];
  if (disabled === undefined || disabled === '') return true;
  const value = booleanWord(disabled);
  if (value === undefined) throw fail('invalid-argument', `invalid value for option cache-disabled: ${disabled}`);
  return !value;
}

/** Refuses drivers and options that are none, in Docker's words; those that Docker finds at the start are found here too. */
export function checkLogConfig({ Type, Config }: LogConfig): void {
  if (Type === 'none') return;
  const found = Object.hasOwn(drivers, Type) ? drivers[Type] : undefined;
  if (found === undefined)
    throw fail('invalid-argument', `error looking up logging plugin ${Type}: plugin "${Type}" not found`);
  checkMode(Config);
  isCached(Config);
  for (const key of Object.keys(Config)) {
    const isKnown = [found.options, modeOptions, cacheOptions].some((known) => known.includes(key));
    if (!isKnown) throw fail('invalid-argument', found.unknown(key));
  }
  checkExpressions(Config);
  checkTag(Config.tag);
  localOptions(Config, 'cache-');
  found.check(Config);
}

/** Where a container's log can be read back, and its form. */
export interface LogPlace {
  readonly path: string;
  readonly format: 'json' | 'local';
}

/** The file of a container's log; undefined when nothing is kept that could be read. */
export function logPlace(record: ContainerRecord, paths: ContainerPaths): LogPlace | undefined {
  const { Type, Config } = record.hostConfig.LogConfig;
  if (Type === 'none') return undefined;
  if (Type === 'json-file') return { path: paths.log(record.id), format: 'json' };
  if (Type !== 'local' && !isCached(Config)) return undefined;
  const directory = Type === 'local' ? 'local-logs' : 'container-cached';
  return { path: join(paths.directory(record.id), directory, 'container.log'), format: 'local' };
}

/** The buffer of a log that its container never waits for. */
function bufferOf({ mode, 'max-buffer-size': size = '' }: LogDriverOptions): Pick<LogTarget, 'bufferBytes'> {
  return mode === 'non-blocking' ? { bufferBytes: binarySize(size) ?? defaultBufferBytes } : {};
}

/**
 * Where and how the output of a container is logged; undefined for the driver `none`. `defaults` are the engine's for the
 * json-file driver. Throws when the log's server is one of this host that is not there.
 */
export function logTarget(
  record: ContainerRecord,
  defaults: LogDriverOptions,
  paths: ContainerPaths,
): LogTarget | undefined {
  const { Type, Config } = record.hostConfig.LogConfig;
  const place = logPlace(record, paths);
  if (Type === 'none') return undefined;
  if (Type === 'json-file' && place !== undefined) {
    const options = { ...defaults, ...Config };
    const attributes = jsonAttributes(record, options);
    return {
      ...place,
      ...jsonFileOptions(options),
      ...(attributes !== undefined && { attributes }),
      ...bufferOf(options),
    };
  }
  if (Type === 'local' && place !== undefined) return { ...place, ...localOptions(Config), ...bufferOf(Config) };
  const forward: ForwardTarget = {
    to: Type === 'syslog' ? syslogTarget(record, Config) : journalTarget(record, Config),
    maxBufferBytes: binarySize(Config['max-buffer-size'] ?? '') ?? defaultBufferBytes,
  };
  if (place !== undefined) return { ...place, ...localOptions(Config, 'cache-'), forward };
  return { path: '', format: 'local', maxSizeBytes: -1, maxFiles: 1, discard: true, forward };
}
