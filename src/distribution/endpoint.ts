import { fail } from '#std/errors';
import { type Challenge, parseChallenges } from './challenge.ts';
import { errorOfAnswer, RegistryError } from './failure.ts';
import { isFromHome, isInsecure, servingHost } from './hosts.ts';
import { basicAuthorization, type TokenRequest, type Tokens } from './tokens.ts';
import type { Answer, Ask, Transport } from './transport.ts';
import type { RegistryCredentials, RegistrySettings } from './types.ts';

/** One place that answers as a registry: the registry itself, or a mirror of it. */
export interface Place {
  /** Base URLs without a slash at the end, to be tried in this order. */
  readonly bases: readonly string[];
  readonly insecure: boolean;
  readonly credentials: RegistryCredentials | undefined;
}

/** What a request to a registry says beside its path. */
export interface RegistryAsk extends Omit<Ask, 'insecure' | 'signal'> {
  /** What a token is needed for. */
  readonly scopes: readonly string[];
  /** Statuses of 400 and above that are an answer and no error. */
  readonly accept?: readonly number[];
}

/** A place that has answered, and what it asks of whoever wants in. */
export interface Endpoint {
  /** `path` from the root (`/v2/…`), or a URL that the registry gave. Throws what the registry's errors say. */
  ask(path: string, ask: RegistryAsk): Promise<Answer>;
}

export const errorMaxBytes = 64 * 1024;
/** How long it is believed that a registry still speaks the scheme that it spoke. */
const rememberMs = 5 * 60_000;
/** How long a registry may take to say what it is. */
const greetingMs = 15_000;

/** Throws what the answer tells of. */
export async function failOf(answer: Answer): Promise<RegistryError> {
  const text = await answer.content(errorMaxBytes).then(
    (bytes) => Buffer.from(bytes).toString(),
    () => '',
  );
  return errorOfAnswer(answer.status, answer.statusText, answer.headers, text);
}

/** The registry of a host as it is reached. */
export async function originPlace(
  host: string,
  settings: RegistrySettings,
  credentials: RegistryCredentials | undefined,
): Promise<Place> {
  const serving = servingHost(host);
  const insecure = await isInsecure(serving, settings.insecure);
  const schemes = insecure ? ['https', 'http'] : ['https'];
  return { bases: schemes.map((scheme) => `${scheme}://${serving}`), insecure, credentials };
}

interface Greeting {
  readonly base: string;
  readonly challenges: readonly Challenge[];
  readonly atMs: number;
}

/** A registry behind a proxy that speaks TLS for it may not know that, and gives URLs of plain HTTP. */
function homeward(text: string, home: URL): string {
  const url = new URL(text);
  if (home.protocol === 'https:' && url.protocol === 'http:' && url.host === home.host) url.protocol = home.protocol;
  return url.href;
}

/** The token server that a challenge names. */
function serverOf({ parameters }: Challenge): { realm: string; service: string } {
  return { realm: parameters.get('realm') ?? '', service: parameters.get('service') ?? '' };
}

/** Opens places; how each was reached is remembered for some minutes. */
export function createEndpoints({ transport, tokens }: { transport: Transport; tokens: Tokens }) {
  const greetings = new Map<string, Greeting>();

  async function greet(place: Place, signal: AbortSignal): Promise<Greeting> {
    const key = `${place.bases.join(' ')} ${place.insecure}`;
    const known = greetings.get(key);
    if (known !== undefined && Date.now() - known.atMs < rememberMs) return known;
    let last: unknown;
    for (const base of place.bases) {
      try {
        const answer = await transport.send(`${base}/v2/`, { insecure: place.insecure, idleMs: greetingMs, signal });
        if (answer.status >= 500 || answer.status === 429 || answer.status === 408) throw await failOf(answer);
        await answer.discard();
        const challenges = parseChallenges(answer.headers.get('www-authenticate') ?? '');
        const greeting = {
          base,
          challenges: answer.status === 401 && isFromHome(answer.url, base) ? challenges : [],
          atMs: Date.now(),
        };
        greetings.set(key, greeting);
        return greeting;
      } catch (error) {
        signal.throwIfAborted();
        last = error;
      }
    }
    // One that has answered before may do so again; one that never has is told of at once.
    if (!(last instanceof RegistryError) || known !== undefined || last.details.status !== undefined) throw last;
    throw new RegistryError(last.kind, last.message, { ...last.details, passes: false });
  }

  async function bearerToken(
    challenge: Challenge,
    request: TokenRequest,
    url: string,
    fresh: boolean,
  ): Promise<string> {
    try {
      return (await tokens.get(challenge, request, fresh)).bearer;
    } catch (error) {
      if (!(error instanceof RegistryError) || error.details.status === undefined) throw error;
      throw new RegistryError(error.kind, `Get ${JSON.stringify(url)}: ${error.message}`, error.details);
    }
  }

  async function authorization(
    challenges: readonly Challenge[],
    place: Place,
    request: { scopes: readonly string[]; signal: AbortSignal; url: string },
    fresh: boolean,
  ): Promise<string | undefined> {
    const { insecure } = place;
    const keeper = place.credentials?.keeper;
    let credentials = place.credentials;
    if (credentials?.registrytoken) return `Bearer ${credentials.registrytoken}`;
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
    if (bearer !== undefined) {
      const { scopes, signal } = request;
      const asked = bearer.parameters.get('scope')?.split(' ').filter(Boolean) ?? [];
      const all = [...new Set([...scopes, ...asked])].sort();
      const token = await keeper?.token({ ...serverOf(bearer), scopes: all, fresh }, signal);
      if (token !== undefined) return `Bearer ${token}`;
      credentials = keeper === undefined ? credentials : await keeper.credentials();
      const asking = { credentials, scopes: all, insecure, registry: request.url, signal };
      return `Bearer ${await bearerToken(bearer, asking, request.url, fresh)}`;
    }
    if (!challenges.some(({ scheme }) => scheme === 'basic')) return undefined;
    if (keeper !== undefined) credentials = await keeper.credentials();
    if (credentials?.username || credentials?.password) return basicAuthorization(credentials);
    throw fail('internal', `Get ${JSON.stringify(request.url)}: no basic auth credentials`);
  }

  /** Asks the place how it is reached; throws when it is not. */
  async function open(place: Place, signal: AbortSignal): Promise<Endpoint> {
    const greeting = await greet(place, signal);
    let { challenges } = greeting;
    const home = new URL(greeting.base);

    async function send(url: string, { scopes, accept: _, headers, ...rest }: RegistryAsk, fresh: boolean) {
      // A URL of another host, as an upload's Location may be, gets no credentials.
      const ours = new URL(url).origin === home.origin;
      const given = ours ? await authorization(challenges, place, { scopes, signal, url }, fresh) : undefined;
      const sent = { ...headers, ...(given !== undefined && { Authorization: given }) };
      return transport.send(url, {
        ...rest,
        headers: sent,
        insecure: ours && place.insecure,
        sentBy: home.href,
        signal,
      });
    }

    async function ask(path: string, request: RegistryAsk): Promise<Answer> {
      const url = path.startsWith('/') ? greeting.base + path : homeward(path, home);
      let answer = await send(url, request, false);
      if (answer.status === 401 && isFromHome(answer.url, greeting.base)) {
        const fresh = parseChallenges(answer.headers.get('www-authenticate') ?? '');
        if (fresh.length > 0) {
          await answer.discard();
          challenges = fresh;
          answer = await send(url, request, true);
        }
      }
      if (answer.status < 400 || request.accept?.includes(answer.status)) return answer;
      throw await failOf(answer);
    }
    return { ask };
  }
  return { open };
}

export type Endpoints = ReturnType<typeof createEndpoints>;
