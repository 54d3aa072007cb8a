import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';
import { EstibaError, fail, messageOf } from '#std/errors';

/** Who asks a registry; each part may be missing. */
export interface RegistryCredentials {
  readonly username?: string;
  readonly password?: string;
  readonly serveraddress?: string;
  readonly identitytoken?: string;
  readonly registrytoken?: string;
}

const defaultRegistry = 'registry-1.docker.io';
const patienceMs = 15_000;

/** The host of a registry, as credentials name it: with or without a scheme and a path. */
function hostOf(address: string | undefined): string {
  if (address === undefined || address === '') return defaultRegistry;
  const url = /^https?:\/\//.test(address) ? address : `https://${address}`;
  if (!URL.canParse(url))
    throw fail('invalid-argument', `unable to parse server address: parse ${JSON.stringify(url)}`);
  // The port stays as it was written: URL would drop 443.
  const host = /^https?:\/\/(?:[^@/]*@)?([^/?#]*)/.exec(url)?.[1] ?? '';
  return host === 'index.docker.io' || host === 'docker.io' ? defaultRegistry : host;
}

function nameOf(host: string): string {
  return new URL(`https://${host}`).hostname.replace(/^\[|\]$/g, '');
}

/** Whether plain HTTP, or an unknown certificate, is good enough: for this machine itself, and where the settings say so. */
async function isInsecure(host: string, listed: readonly string[]): Promise<boolean> {
  const name = nameOf(host);
  if (listed.includes(host) || listed.includes(name)) return true;
  const networks = new BlockList();
  for (const network of ['127.0.0.0/8', '::1/128', ...listed]) {
    const [address = '', prefix] = network.split('/');
    const family = isIP(address);
    if (prefix !== undefined && family !== 0)
      networks.addSubnet(address, Number(prefix), family === 6 ? 'ipv6' : 'ipv4');
  }
  const addresses = isIP(name) === 0 ? await lookup(name, { all: true }).catch(() => []) : [{ address: name }];
  return addresses.some(({ address }) => networks.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4'));
}

/** What came between us and a registry, in the words of Go's client, which Docker's users know. */
async function unreachable(url: string, error: unknown): Promise<Error> {
  if (error instanceof EstibaError) return error;
  const { hostname, host, protocol } = new URL(url);
  const name = nameOf(host);
  const port = new URL(url).port || (protocol === 'https:' ? '443' : '80');
  const code = error instanceof Error && 'code' in error ? error.code : '';
  let cause = messageOf(error);
  if (error instanceof Error && error.name === 'TimeoutError') {
    cause = 'net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)';
  } else if (isIP(name) === 0 && (await lookup(name).catch(() => undefined)) === undefined) {
    cause = `dial tcp: lookup ${hostname}: no such host`;
  } else if (code === 'ConnectionRefused' || code === 'ECONNREFUSED') {
    cause = `dial tcp ${hostname}:${port}: connect: connection refused`;
  }
  return fail('internal', `Get ${JSON.stringify(url)}: ${cause}`, error);
}

/** The parameters of a challenge (RFC 9110, section 11.3): `Bearer realm="…",service="…"`. */
function parseChallenge(header: string): { scheme: string; parameters: ReadonlyMap<string, string> } {
  const scheme = /^\S+/.exec(header)?.[0].toLowerCase() ?? '';
  const pairs = header.slice(scheme.length).matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/gi);
  return { scheme, parameters: new Map([...pairs].map(([, name = '', value = '']) => [name.toLowerCase(), value])) };
}

function basic({ username = '', password = '' }: RegistryCredentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

interface Token {
  readonly token?: string;
  readonly access_token?: string;
  readonly refresh_token?: string;
}

/** Has the registry's token server turn credentials into a token (the distribution specification's token authentication). */
async function fetchToken(
  parameters: ReadonlyMap<string, string>,
  credentials: RegistryCredentials,
  ask: Ask,
): Promise<Token> {
  const realm = parameters.get('realm') ?? '';
  if (!URL.canParse(realm)) throw fail('internal', `no usable token server in the registry's challenge: ${realm}`);
  const url = new URL(realm);
  const service = parameters.get('service') ?? '';
  const { identitytoken, username = '' } = credentials;
  if (identitytoken) {
    const form = { grant_type: 'refresh_token', refresh_token: identitytoken, client_id: 'docker', service };
    return (await (await ask(url.href, { method: 'POST', body: new URLSearchParams(form) })).json()) as Token;
  }
  for (const [name, value] of Object.entries({
    account: username,
    client_id: 'docker',
    offline_token: 'true',
    service,
  }))
    url.searchParams.set(name, value);
  return (await (await ask(url.href, { headers: { Authorization: basic(credentials) } })).json()) as Token;
}

type Ask = (url: string, init?: RequestInit) => Promise<Response>;

async function logInAt(url: string, credentials: RegistryCredentials, ask: Ask): Promise<string> {
  const first = await ask(url);
  if (first.ok) return credentials.identitytoken ?? '';
  const { scheme, parameters } = parseChallenge(first.headers.get('www-authenticate') ?? '');
  const token = scheme === 'bearer' ? await fetchToken(parameters, credentials, ask) : {};
  const bearer = token.token ?? token.access_token;
  const second = await ask(url, { headers: { Authorization: bearer ? `Bearer ${bearer}` : basic(credentials) } });
  if (second.ok) return token.refresh_token ?? '';
  if (second.status === 401)
    throw fail('unauthorized', `Get ${JSON.stringify(url)}: unauthorized: authentication required`);
  throw fail('internal', `login attempt to ${url} failed with status: ${second.status} ${second.statusText}`);
}

/**
 * Asks a registry whether it takes the credentials (`GET /v2/`, with the challenge that it answers). Gives the token to be
 * kept in place of the password, or an empty text. Throws `unauthorized` when it does not take them, and `internal`, as Docker
 * does, when it cannot be reached.
 */
export async function registryLogin(
  credentials: RegistryCredentials,
  options: { insecure: readonly string[]; signal: AbortSignal },
): Promise<string> {
  const host = hostOf(credentials.serveraddress);
  const insecure = await isInsecure(host, options.insecure);
  const ask: Ask = async (url, init = {}) => {
    const signal = AbortSignal.any([options.signal, AbortSignal.timeout(patienceMs)]);
    try {
      const answer = await fetch(url, { ...init, signal, tls: { rejectUnauthorized: !insecure } });
      if (answer.status === 401 && init.headers !== undefined && !url.endsWith('/v2/')) {
        throw fail('unauthorized', `Get ${JSON.stringify(url)}: unauthorized: incorrect username or password`);
      }
      return answer;
    } catch (error) {
      throw await unreachable(url, error);
    }
  };
  let last: unknown;
  for (const scheme of insecure ? ['https', 'http'] : ['https']) {
    try {
      return await logInAt(`${scheme}://${host}/v2/`, credentials, ask);
    } catch (error) {
      if (options.signal.aborted || (error instanceof EstibaError && error.kind === 'unauthorized')) throw error;
      last = error;
    }
  }
  throw last;
}
