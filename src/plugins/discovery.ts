import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { hasCode } from '#linux/errno';
import { fail, messageOf } from '#std/errors';

/** Where plugins make themselves known, in the order in which they are looked for. */
export const defaultPluginDirectories: readonly string[] = [
  '/run/docker/plugins',
  '/etc/docker/plugins',
  '/usr/lib/docker/plugins',
];

/** Certificates for a plugin that is reached over TLS: paths of PEM files. */
export interface PluginTls {
  readonly insecureSkipVerify: boolean;
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/** Where a plugin listens. */
export type PluginAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly tls?: PluginTls };

const namePattern = /^[a-zA-Z0-9][\w.:-]*$/;
const extensions = ['.sock', '.spec', '.json'] as const;

function refuse(file: string, reason: string): Error {
  return fail('invalid-argument', `plugin specification ${file}: ${reason}`);
}

function parseAddress(file: string, text: string, tls?: PluginTls): PluginAddress {
  const [, scheme, rest = ''] = /^([a-z]+):\/\/(.+)$/.exec(text) ?? [];
  if (scheme === 'unix' && rest.startsWith('/')) return { kind: 'unix', path: rest };
  if (scheme === 'tcp' && /^[^/]+$/.test(rest)) return { kind: 'tcp', host: rest, ...(tls !== undefined && { tls }) };
  throw refuse(file, `unknown protocol: ${text}`);
}

function textField(source: object, name: string): string {
  const value = (source as Record<string, unknown>)[name];
  return typeof value === 'string' ? value : '';
}

function parseJson(file: string, text: string): PluginAddress {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw refuse(file, messageOf(error));
  }
  if (typeof parsed !== 'object' || parsed === null) throw refuse(file, 'no JSON object');
  const { TLSConfig } = parsed as { TLSConfig?: unknown };
  const tls =
    typeof TLSConfig === 'object' && TLSConfig !== null
      ? {
          insecureSkipVerify: (TLSConfig as { InsecureSkipVerify?: unknown }).InsecureSkipVerify === true,
          caFile: textField(TLSConfig, 'CAFile'),
          certFile: textField(TLSConfig, 'CertFile'),
          keyFile: textField(TLSConfig, 'KeyFile'),
        }
      : undefined;
  return parseAddress(file, textField(parsed, 'Addr'), tls);
}

function readAddress(file: string, extension: (typeof extensions)[number]): PluginAddress | undefined {
  const stats = statSync(file, { throwIfNoEntry: false });
  if (stats === undefined) return undefined;
  if (extension === '.sock') return stats.isSocket() ? { kind: 'unix', path: file } : undefined;
  if (!stats.isFile()) return undefined;
  const text = readFileSync(file, 'utf8').trim();
  return extension === '.spec' ? parseAddress(file, text) : parseJson(file, text);
}

/**
 * Looks for a plugin by its name: `name.sock`, a socket; `name.spec`, a file with its address; `name.json`, one with its
 * address and certificates; each in a plugin directory or in a directory `name` there. Undefined when there is none;
 * throws `invalid-argument` for a specification that makes no sense.
 */
export function findPlugin(directories: readonly string[], name: string): PluginAddress | undefined {
  if (!namePattern.test(name)) return undefined;
  for (const extension of extensions) {
    for (const directory of directories) {
      const found =
        readAddress(join(directory, `${name}${extension}`), extension) ??
        readAddress(join(directory, name, `${name}${extension}`), extension);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** Names of all plugins that can be found, sorted. */
export function listPlugins(directories: readonly string[]): string[] {
  const names = new Set<string>();
  const read = (directory: string, inside?: string): void => {
    try {
      for (const entry of readdirSync(directory, { withFileTypes: true })) {
        const extension = extensions.find((end) => entry.name.endsWith(end));
        const name = entry.name.slice(0, -(extension?.length ?? 0));
        if (extension !== undefined && (inside === undefined || inside === name)) names.add(name);
        else if (entry.isDirectory() && inside === undefined) read(join(directory, entry.name), entry.name);
      }
    } catch (error) {
      if (!hasCode(error, 'ENOENT') && !hasCode(error, 'ENOTDIR')) throw error;
    }
  };
  for (const directory of directories) read(directory);
  return [...names].filter((name) => namePattern.test(name)).sort();
}
