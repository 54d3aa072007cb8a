import { type CacheSettings, parseUpstream } from '#registry';
import { messageOf } from '#std/errors';
import { checkKeys, isMapping, type Mapping, readMapping, refuse, type Values } from './values.ts';

/** Credentials of upstreams by their prefixes. Throws `invalid-argument`. */
function credentialsOf(value: Mapping, prefixes: readonly string[]) {
  return Object.entries(value).map(([prefix, entry]) => {
    if (!prefixes.includes(prefix)) throw refuse(`there is no upstream ${prefix}`);
    if (!isMapping(entry)) throw refuse(`${prefix} is no mapping`);
    checkKeys(entry, ['username', 'password'], prefix);
    const { username, password } = entry;
    if (typeof username !== 'string' || typeof password !== 'string') {
      throw refuse(`${prefix}: username and password must be texts`);
    }
    return { prefix, credentials: { username, password } };
  });
}

function readCredentials(values: Values, prefixes: readonly string[]): ReturnType<typeof credentialsOf> {
  const value = values.raw('upstream-credentials');
  if (value === undefined || value === '') return [];
  try {
    return credentialsOf(typeof value === 'string' ? readMapping(value) : (value as Mapping), prefixes);
  } catch (error) {
    throw refuse(`upstream-credentials: ${messageOf(error)}`);
  }
}

/** What is set of upstreams; undefined without any. Throws `invalid-argument`. */
export function readCache(values: Values): CacheSettings | undefined {
  const places = values.list('upstream').map((item) => parseUpstream(String(item)));
  const prefixes = places.map(({ prefix }) => prefix);
  const fallback = values.text('upstream-default');
  if (fallback !== undefined && !prefixes.includes(fallback)) throw refuse(`upstream-default: no upstream ${fallback}`);
  if (new Set(prefixes).size < prefixes.length) throw refuse('upstream: a prefix is given twice');
  const known = readCredentials(values, prefixes);
  if (places.length === 0) return undefined;
  const upstreams = places.map((place) => {
    const credentials = known.find(({ prefix }) => prefix === place.prefix)?.credentials;
    return { ...place, ...(credentials !== undefined && { credentials }) };
  });
  const [keepMs, certificatesDirectory] = [values.duration('cache-keep'), values.text('upstream-certs')];
  return {
    upstreams,
    freshMs: values.duration('cache-fresh') ?? 0,
    ...(fallback !== undefined && { fallback }),
    ...(keepMs !== undefined && { keepMs }),
    ...(certificatesDirectory !== undefined && { certificatesDirectory }),
  };
}
