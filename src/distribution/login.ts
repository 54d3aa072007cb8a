import { EstibaError, fail } from '#std/errors';
import { parseChallenges } from './challenge.ts';
import { failOf, originPlace } from './endpoint.ts';
import { hostOfAddress, isFromHome } from './hosts.ts';
import { basicAuthorization, type Token, type Tokens } from './tokens.ts';
import type { Transport } from './transport.ts';
import type { RegistryCredentials, RegistrySettings } from './types.ts';

const patienceMs = 15_000;

interface Room {
  readonly transport: Transport;
  readonly tokens: Tokens;
  readonly settings: () => RegistrySettings;
}

async function logInAt(
  url: string,
  { transport, tokens }: Room,
  { credentials, insecure, signal }: { credentials: RegistryCredentials; insecure: boolean; signal: AbortSignal },
): Promise<string> {
  const first = await transport.send(url, { insecure, signal });
  await first.discard();
  if (first.status < 300) return credentials.identitytoken ?? '';
  const asked = isFromHome(first.url, url) ? first.headers.get('www-authenticate') : null;
  const challenges = parseChallenges(asked ?? '');
  const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
  let token: Token | undefined;
  if (bearer !== undefined) {
    token = await tokens
      .get(bearer, { credentials, scopes: [], offline: true, insecure, registry: url, signal }, true)
      .catch((error: unknown) => {
        if (!(error instanceof EstibaError) || error.kind !== 'unauthorized') throw error;
        throw fail('unauthorized', `Get ${JSON.stringify(url)}: ${error.message}`);
      });
  }
  const Authorization = token === undefined ? basicAuthorization(credentials) : `Bearer ${token.bearer}`;
  const second = await transport.send(url, { headers: { Authorization }, insecure, signal });
  if (second.status < 300) {
    await second.discard();
    return token?.refresh ?? '';
  }
  const error = await failOf(second);
  if (second.status === 401) throw fail('unauthorized', `Get ${JSON.stringify(url)}: ${error.message}`);
  throw fail('internal', `login attempt to ${url} failed with status: ${second.status} ${second.statusText}`);
}

/**
 * Asks a registry whether it takes the credentials (`GET /v2/`, with the challenge that it answers). Gives the token to be
 * kept in place of the password, or an empty text. Throws `unauthorized` when it does not take them, and `internal`, as Docker
 * does, when it cannot be reached.
 */
export async function logIn(room: Room, credentials: RegistryCredentials, caller: AbortSignal): Promise<string> {
  const { bases, insecure } = await originPlace(hostOfAddress(credentials.serveraddress), room.settings(), credentials);
  const signal = AbortSignal.any([caller, AbortSignal.timeout(patienceMs)]);
  let last: unknown;
  for (const base of bases) {
    try {
      return await logInAt(`${base}/v2/`, room, { credentials, insecure, signal });
    } catch (error) {
      caller.throwIfAborted();
      if (error instanceof EstibaError && error.kind === 'unauthorized') throw error;
      last = error;
    }
  }
  throw last;
}
