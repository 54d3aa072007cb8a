import type { RegistryCredentials } from '#distribution';
import { fail } from '#std/errors';
import { isRepositoryName } from '../names.ts';

/** A registry of which content is kept here, in the repositories below `prefix`. */
export interface UpstreamPlace {
  readonly prefix: string;
  /** `HOST[:PORT]`; Docker Hub is `docker.io`. */
  readonly host: string;
  /** What comes before a repository's name there, with a slash at its end; often empty. */
  readonly path: string;
  /** Plain HTTP will do. */
  readonly isInsecure: boolean;
  readonly credentials?: RegistryCredentials;
}

const hubNames = ['docker.io', 'index.docker.io', 'registry-1.docker.io'];

/** One name for all names of Docker Hub. */
export function hostName(host: string): string {
  return hubNames.includes(host) ? 'docker.io' : host;
}

/** The name there of what is below the prefix here: on Docker Hub a name of one part is one of its library. */
export function nameThere({ host, path }: UpstreamPlace, rest: string): string {
  const isLibrary = host === 'docker.io' && path === '' && !rest.includes('/');
  return `${host}/${path}${isLibrary ? 'library/' : ''}${rest}`;
}

/** Reads `PREFIX=[https://|http://]HOST[:PORT][/PATH]`. Throws `invalid-argument`. */
export function parseUpstream(text: string): UpstreamPlace {
  const [, prefix = '', scheme = 'https', host = '', path = ''] =
    /^([^=]+)=(?:(https?):\/\/)?([A-Za-z0-9.:[\]-]+)((?:\/[^/?#]+)*)\/?$/.exec(text) ?? [];
  if (host === '' || !URL.canParse(`${scheme}://${host}`)) {
    throw fail('invalid-argument', `${text} is no upstream: write PREFIX=https://HOST[/PATH]`);
  }
  if (!isRepositoryName(prefix)) throw fail('invalid-argument', `${prefix} cannot begin the name of a repository`);
  const below = path === '' ? '' : `${path.slice(1)}/`;
  return { prefix, host: hostName(host), path: below, isInsecure: scheme === 'http' };
}
