import type { LogConfig } from '#api';
import type { LogTarget } from '#keeper';
import { fail } from '#std/errors';

/** Bounded by default: a container that logs for a year must not fill the disk. */
const defaultMaximumBytes = 20 * 1024 * 1024;
const defaultMaximumFiles = 5;
const knownOptions = [
  'max-size',
  'max-file',
  'compress',
  'labels',
  'labels-regex',
  'env',
  'env-regex',
  'tag',
  'mode',
  'max-buffer-size',
];

function bytesOf(text: string): number {
  if (text === '-1') return -1;
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?$/i.exec(text);
  if (match === null) throw fail('invalid-argument', `invalid size: '${text}'`);
  return Math.floor(Number(match[1]) * 1024 ** ' kmgt'.indexOf((match[2] || ' ').toLowerCase()));
}

/** Refuses log options that the json-file driver does not have, in Docker's words. */
export function checkLogConfig({ Type, Config }: LogConfig): void {
  if (Type === 'none') return;
  for (const key of Object.keys(Config)) {
    if (!knownOptions.includes(key)) {
      throw fail('invalid-argument', `unknown log opt '${key}' for ${Type} log driver`);
    }
  }
  logTarget({ Type, Config }, {}, '');
}

/** Where and how the output of a container is logged; undefined for the driver `none`. */
export function logTarget(
  { Type, Config }: LogConfig,
  defaults: LogConfig['Config'],
  path: string,
): LogTarget | undefined {
  if (Type === 'none') return undefined;
  const options = { ...defaults, ...Config };
  const size = options['max-size'];
  const files = options['max-file'];
  if (files !== undefined && !/^[1-9]\d*$/.test(files)) {
    throw fail('invalid-argument', `invalid value for "max-file": ${files}`);
  }
  const maxSizeBytes = size === undefined ? defaultMaximumBytes : bytesOf(size);
  return {
    path,
    maxSizeBytes,
    // Docker keeps one file where only a size is given.
    maxFiles: files !== undefined ? Number(files) : size === undefined ? defaultMaximumFiles : 1,
  };
}
