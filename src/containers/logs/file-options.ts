import { badOption, booleanOption, decimalSize, type LogDriverOptions, wholeNumber } from './option-values.ts';

/** How a log's files are bounded. */
export interface FileOptions {
  /** -1 for no bound. */
  readonly maxSizeBytes: number;
  readonly maxFiles: number;
  readonly compress: boolean;
}

/** Bounded by default: a container that logs for a year must not fill the disk. */
const defaultMaximumBytes = 20 * 1024 * 1024;
const defaultMaximumFiles = 5;

/** The bounds of a json-file log. */
export function jsonFileOptions(options: LogDriverOptions): FileOptions {
  const { 'max-size': size, 'max-file': files, compress: compressed } = options;
  const maxSizeBytes = jsonFileSize(size);
  // Docker keeps one file where only a size is given.
  const maxFiles = files === undefined ? (size === undefined ? defaultMaximumFiles : 1) : wholeNumber(files);
  if (maxFiles < 1) throw badOption('max-file cannot be less than 1');
  const compress = compressed === undefined ? false : booleanOption(compressed);
  if (compress && (maxFiles < 2 || maxSizeBytes === -1))
    throw badOption('compress cannot be true when max-file is less than 2 or max-size is not set');
  return { maxSizeBytes, maxFiles, compress };
}

function jsonFileSize(text: string | undefined): number {
  if (text === undefined) return defaultMaximumBytes;
  if (text === '-1') return -1;
  const bytes = decimalSize(text);
  if (bytes === undefined) throw badOption(`invalid size: '${text}'`);
  if (bytes === 0) throw badOption('max-size must be a positive number');
  return bytes;
}

/** The bounds of a log in the `local` form; `prefix` stands before the names of options. */
export function localOptions(options: LogDriverOptions, prefix = ''): FileOptions {
  const size = options[`${prefix}max-size`];
  const files = options[`${prefix}max-file`];
  const compressed = options[`${prefix}compress`];
  let maxSizeBytes = defaultMaximumBytes;
  if (size !== undefined) {
    const bytes = decimalSize(size);
    if (bytes === undefined) throw badOption(`invalid value for ${prefix}max-size: ${size}: invalid size: '${size}'`);
    maxSizeBytes = bytes === 0 ? -1 : bytes;
  }
  const maxFiles =
    files === undefined ? defaultMaximumFiles : wholeNumber(files, `invalid value for ${prefix}max-file: ${files}: `);
  const compress =
    compressed === undefined ? true : booleanOption(compressed, `error reading ${prefix}compress log option: `);
  if (compress && maxFiles <= 1) throw badOption('compression cannot be enabled when max file count is 1');
  return { maxSizeBytes, maxFiles: Math.max(maxFiles, 1), compress };
}
