import { fail, messageOf } from '#std/errors';
import { failOf, originPlace } from './endpoint.ts';
import { hostOfAddress, hubHost } from './hosts.ts';
import { basicAuthorization } from './tokens.ts';
import type { Transport } from './transport.ts';
import type { RegistryCredentials, RegistrySettings, SearchResult } from './types.ts';

/** Docker Hub's index, the only one that is searched without a host before the term. */
const hubIndex = 'https://index.docker.io';
const limitMax = 100;
const presetLimit = 25;
const answerMaxBytes = 8 * 1024 * 1024;
const patienceMs = 30_000;

interface Query {
  readonly limit: number;
  readonly credentials?: RegistryCredentials | undefined;
  readonly signal: AbortSignal;
}

/** The registry and what is looked for there. */
function splitTerm(term: string): { host: string; rest: string } {
  if (term.includes('://')) {
    const what = `repository name (${term}) should not have a scheme`;
    throw fail('invalid-argument', `invalid repository name: ${what}`);
  }
  const slash = term.indexOf('/');
  const first = term.slice(0, Math.max(slash, 0));
  if (slash === -1 || (!/[.:]/.test(first) && first !== 'localhost')) return { host: hubHost, rest: term };
  return { host: hostOfAddress(first), rest: term.slice(slash + 1) };
}

/** Which of its base URLs a registry of the first version answers at. */
async function findIndex(host: string, transport: Transport, settings: RegistrySettings, signal: AbortSignal) {
  const { bases, insecure } = await originPlace(host, settings, undefined);
  const failures: string[] = [];
  for (const base of bases) {
    try {
      const answer = await transport.send(`${base}/v1/_ping`, { insecure, signal });
      await answer.discard();
      return { base, insecure };
    } catch (error) {
      signal.throwIfAborted();
      failures.push(messageOf(error));
    }
  }
  const [https = '', http] = failures;
  if (http !== undefined) {
    const tried = `HTTPS attempt: ${https}. HTTP attempt: ${http}`;
    throw fail('invalid-argument', `invalid registry endpoint "http://${host}/v1/". ${tried}`);
  }
  const advice = [
    'If this private registry supports only HTTP or HTTPS with an unknown CA certificate,',
    `please add \`--insecure-registry ${host}\` to the daemon's arguments. In the case of HTTPS, if you have access to the`,
    "registry's CA certificate, no need for the flag; simply place the CA certificate at",
    `${settings.certificatesDirectory}/${host}/ca.crt`,
  ];
  throw fail('invalid-argument', `invalid registry endpoint https://${host}/v1/: ${https}. ${advice.join(' ')}`);
}

function resultsOf(content: Uint8Array): SearchResult[] {
  let results: unknown;
  try {
    ({ results } = JSON.parse(Buffer.from(content).toString()) as { results?: unknown });
  } catch {
    throw fail('internal', 'error decoding registry search results');
  }
  if (!Array.isArray(results)) return [];
  return results.map((item: Partial<Record<keyof SearchResult, unknown>>) => ({
    name: String(item.name ?? ''),
    description: String(item.description ?? ''),
    star_count: Number(item.star_count ?? 0),
    is_official: item.is_official === true,
    is_automated: item.is_automated === true,
  }));
}

/** Searches the index of `term`'s registry (the registry API's first version, which Docker Hub keeps for this). */
export async function searchIndex(
  { transport, settings }: { transport: Transport; settings: () => RegistrySettings },
  term: string,
  { limit, credentials, signal: caller }: Query,
): Promise<SearchResult[]> {
  if (limit < 0 || limit > limitMax) {
    throw fail('invalid-argument', `limit ${limit} is outside the range of [1, ${limitMax}]`);
  }
  const { host, rest } = splitTerm(term);
  const signal = AbortSignal.any([caller, AbortSignal.timeout(patienceMs)]);
  const index =
    host === hubHost ? { base: hubIndex, insecure: false } : await findIndex(host, transport, settings(), signal);
  const query = new URLSearchParams({ q: host === hubHost ? rest.replace(/^library\//, '') : rest });
  query.set('n', String(limit || presetLimit));
  const known = credentials?.username ? { Authorization: basicAuthorization(credentials) } : undefined;
  const headers = { 'X-Docker-Token': 'true', ...known };
  const answer = await transport.send(`${index.base}/v1/search?${query}`, {
    headers,
    insecure: index.insecure,
    signal,
  });
  if (answer.status === 200) return resultsOf(await answer.content(answerMaxBytes));
  if (answer.status === 401 || answer.status === 403 || answer.status === 429) throw await failOf(answer);
  await answer.discard();
  throw fail('internal', `Unexpected status code ${answer.status}`);
}
