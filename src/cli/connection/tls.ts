import type { Endpoint } from '#client';
import { fail } from '#std/errors';
import { fileSystem } from '../builtins.ts';
import { systemErrorText } from '../values/system-errors.ts';

/** What `--tls`, `--tlsverify` and the flags beside them say; empty paths stand for the usual ones. */
export interface TlsOptions {
  readonly use: boolean;
  readonly verify: boolean;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

function read(path: string): string {
  try {
    return fileSystem().readFileSync(path, 'utf8');
  } catch (error) {
    throw fail('invalid-argument', `open ${path}: ${systemErrorText(error)}`, error);
  }
}

/**
 * The endpoint with TLS, of the files that the flags name, or DOCKER_CERT_PATH, or the configuration's folder. A file
 * that nobody named and that is not there is done without, save the authority's.
 * @throws `invalid-argument` when a file can't be read
 */
export function withTls(endpoint: Endpoint, options: TlsOptions, folder: string): Endpoint {
  if (endpoint.kind !== 'tcp') return endpoint;
  const directory = process.env.DOCKER_CERT_PATH || folder;
  const verify = options.verify || Boolean(process.env.DOCKER_TLS_VERIFY);
  const optional = (given: string, name: string): string | undefined => {
    const path = given || `${directory}/${name}`;
    return given !== '' || fileSystem().existsSync(path) ? read(path) : undefined;
  };
  const cert = optional(options.cert, 'cert.pem');
  const key = optional(options.key, 'key.pem');
  const ca = read(options.ca || `${directory}/ca.pem`);
  return { ...endpoint, tls: { ca, cert, key, verify } };
}
