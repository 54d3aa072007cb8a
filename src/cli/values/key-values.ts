import { fail } from '#std/errors';
import { fileSystem } from '../builtins.ts';
import { type Flag, list } from '../grammar/flag.ts';
import { systemErrorText } from './system-errors.ts';

/** `key=value` texts as a record; a text without `=` is a key with an empty value, the last of a key counts. */
export function toRecord(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const equals = text.indexOf('=');
      return equals < 0 ? [text, ''] : [text.slice(0, equals), text.slice(equals + 1)];
    }),
  );
}

/** A flag of `key=value` pairs; a key alone has an empty value. */
export function pairs(summary: string, extra: { short?: string; hidden?: boolean } = {}): Flag<readonly string[]> {
  return list(summary, { type: 'map', shownDefault: 'map[]', ...extra });
}

/**
 * Lines of a file of `key=value`, comments and empty lines left out. A key alone takes its value from `environment`,
 * and is left out where that has none.
 * @throws `invalid-argument` when the file can't be read, or a name has white space.
 */
export function readKeyValueFile(
  path: string,
  kind: 'environment variable' | 'label',
  environment: (key: string) => string | undefined,
): string[] {
  let content: string;
  try {
    content = fileSystem().readFileSync(path, 'utf8');
  } catch (error) {
    throw fail('invalid-argument', `open ${path}: ${systemErrorText(error)}`, error);
  }
  return content
    .replace(/^\uFEFF/, '')
    .split('\n')
    .flatMap((raw) => {
      const line = raw.replace(/\r$/, '').trimStart();
      if (line === '' || line.startsWith('#')) return [];
      const equals = line.indexOf('=');
      const key = equals < 0 ? line : line.slice(0, equals);
      if (key === '') throw fail('invalid-argument', `no variable name on line '${line}'`);
      if (/\s/.test(key)) throw fail('invalid-argument', `variable '${key}' contains whitespaces`);
      if (equals >= 0) return [line];
      const value = kind === 'label' ? '' : environment(key);
      return value === undefined ? [] : [`${key}=${value}`];
    });
}

/** The `--label` flag. */
export function labelFlag(summary: string, extra: { short?: string } = {}): Flag<readonly string[]> {
  return list(summary, extra, (value) => {
    if (value.startsWith('=')) throw fail('invalid-argument', `invalid label '${value}': empty name`);
    return value;
  });
}

const sysctlNames: ReadonlySet<string> = new Set(
  ['msgmax', 'msgmnb', 'msgmni', 'sem', 'shmall', 'shmmax', 'shmmni', 'shm_rmid_forced'].map(
    (name) => `kernel.${name}`,
  ),
);

/** The `--sysctl` flag: only parameters that a container has for itself. */
export function sysctlFlag(summary: string): Flag<readonly string[]> {
  return list(summary, { type: 'map', shownDefault: 'map[]' }, (value) => {
    const equals = value.indexOf('=');
    const name = equals < 0 ? '' : value.slice(0, equals);
    if (sysctlNames.has(name) || name.startsWith('net.') || name.startsWith('fs.mqueue.')) return value;
    throw fail('invalid-argument', `sysctl '${value}' is not allowed`);
  });
}

/** The `--env` flag. */
export function environmentFlag(): Flag<readonly string[]> {
  return list('Set environment variables (NAME=value, or NAME to pass ours on)', { short: 'e' }, (value) => {
    if (value.startsWith('=') || value === '') throw fail('invalid-argument', `invalid environment variable: ${value}`);
    return value;
  });
}

/**
 * `--env` values: a name alone takes its value from our own environment; where that has none it stays a name, which
 * takes the variable of the image away.
 */
export function resolveEnvironment(values: readonly string[]): string[] {
  return values.map((value) => {
    const inherited = value.includes('=') ? undefined : process.env[value];
    return inherited === undefined ? value : `${value}=${inherited}`;
  });
}
