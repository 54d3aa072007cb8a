import { readFileSync } from 'node:fs';
import { list, text } from '#cli';
import { type CacheSettings, parseUpstream } from '#registry';
import { fail, messageOf } from '#std/errors';
import { durationMs } from './garbage-flags.ts';

/** Which registries are cached, and how. */
export const cacheFlags = {
  upstream: list('Cache another registry below a prefix: hub=https://registry-1.docker.io', { type: 'PREFIX=URL' }),
  'upstream-default': text('Seek repositories that are not here below this prefix', { type: 'PREFIX' }),
  'upstream-credentials': text('YAML file of PREFIX: {username, password}', { type: 'FILE', completes: 'file' }),
  'cache-fresh': text('How long a cached tag is believed', { type: 'DURATION', initial: '5m', shownDefault: '5m' }),
  'cache-keep': text('How long cached content stays that nobody asks for; for ever by default', { type: 'DURATION' }),
};

interface Given {
  readonly upstream: readonly string[];
  readonly 'upstream-default': string;
  readonly 'upstream-credentials': string;
  readonly 'cache-fresh': string;
  readonly 'cache-keep': string;
}

function refuse(message: string): Error {
  return fail('invalid-argument', message);
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Credentials of upstreams by their prefixes, from a YAML text. Throws `invalid-argument`. */
export function parseCredentials(content: string, prefixes: readonly string[]) {
  const value = Bun.YAML.parse(content);
  if (!isMapping(value)) throw refuse('it is no mapping');
  return Object.entries(value).map(([prefix, entry]) => {
    if (!prefixes.includes(prefix)) throw refuse(`there is no upstream ${prefix}`);
    if (!isMapping(entry)) throw refuse(`${prefix} is no mapping`);
    const { username, password, ...others } = entry;
    const [unknown] = Object.keys(others);
    if (unknown !== undefined) throw refuse(`${prefix}: unknown key ${unknown}; there are username, password`);
    if (typeof username !== 'string' || typeof password !== 'string') {
      throw refuse(`${prefix}: username and password must be texts`);
    }
    return { prefix, credentials: { username, password } };
  });
}

function readCredentials(path: string, prefixes: readonly string[]): ReturnType<typeof parseCredentials> {
  if (path === '') return [];
  try {
    return parseCredentials(readFileSync(path, 'utf8'), prefixes);
  } catch (error) {
    throw refuse(`--upstream-credentials ${path}: ${messageOf(error)}`);
  }
}

/** What the flags say of upstreams; undefined without any. Throws `invalid-argument`. */
export function readCacheFlags(flags: Given): CacheSettings | undefined {
  const places = flags.upstream.map(parseUpstream);
  const prefixes = places.map(({ prefix }) => prefix);
  const fallback = flags['upstream-default'];
  if (fallback !== '' && !prefixes.includes(fallback)) throw refuse(`--upstream-default: no upstream ${fallback}`);
  if (new Set(prefixes).size < prefixes.length) throw refuse('--upstream: a prefix is given twice');
  const known = readCredentials(flags['upstream-credentials'], prefixes);
  if (places.length === 0) return undefined;
  const upstreams = places.map((place) => {
    const credentials = known.find(({ prefix }) => prefix === place.prefix)?.credentials;
    return { ...place, ...(credentials !== undefined && { credentials }) };
  });
  return {
    upstreams,
    freshMs: durationMs('cache-fresh', flags['cache-fresh']),
    ...(fallback !== '' && { fallback }),
    ...(flags['cache-keep'] !== '' && { keepMs: durationMs('cache-keep', flags['cache-keep']) }),
  };
}
