import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { getCACertificates, rootCertificates } from 'node:tls';
import { fail } from '#std/errors';

/** How a host is met in TLS. */
export interface HostCertificates {
  /** All authorities that are trusted: this machine's, the ones that the runtime brings, and the host's own. */
  readonly ca: string[];
  readonly cert?: string;
  readonly key?: string;
}

let ofMachine: readonly string[] | undefined;

function machineAuthorities(): readonly string[] {
  ofMachine ??= [...new Set([...rootCertificates, ...getCACertificates('system')])];
  return ofMachine;
}

function filesOf(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return [];
    throw error;
  }
}

function read(path: string): string {
  const text = readFileSync(path, 'utf8');
  if (!text.includes('-----BEGIN '))
    throw fail('internal', `${path}: failed to find any PEM data in certificate input`);
  return text;
}

/**
 * The certificates for a host (`HOST[:PORT]`) in a directory laid out as Docker's certs.d: `*.crt` are authorities, a
 * `NAME.cert` with its `NAME.key` is what we show. Read anew each time, so that a change needs no restart. Throws
 * `invalid-argument`, in Docker's words, when half of a pair is missing.
 */
export function certificatesFor(root: string, host: string): HostCertificates {
  const directory = join(root, host);
  const files = host.includes('/') || host.startsWith('.') ? [] : filesOf(directory);
  const authorities: string[] = [];
  let pair: { cert: string; key: string } | undefined;
  for (const file of files) {
    if (file.endsWith('.crt')) authorities.push(read(join(directory, file)));
    const [, name, extension] = /^(.*)\.(cert|key)$/.exec(file) ?? [];
    if (extension === 'cert' && !files.includes(`${name}.key`)) {
      const advice = 'CA certificates must use the extension .crt';
      throw fail('invalid-argument', `missing key ${name}.key for client certificate ${file}. ${advice}`);
    }
    if (extension === 'key' && !files.includes(`${name}.cert`)) {
      throw fail('invalid-argument', `missing client certificate ${name}.cert for key ${file}`);
    }
    if (extension === 'cert') pair ??= { cert: read(join(directory, file)), key: read(join(directory, `${name}.key`)) };
  }
  return { ca: [...machineAuthorities(), ...authorities], ...pair };
}
