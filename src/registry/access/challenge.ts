import type { Need } from '../types.ts';
import { formatScope, scopesOf } from './scope.ts';

/** A parameter of `WWW-Authenticate` (RFC 9110 section 11.2); what no header may have is left out. */
function quoted(text: string): string {
  return `"${text.replace(/[^\x20-\x7e]/g, '').replace(/["\\]/g, '\\$&')}"`;
}

/** Asks for a user's name and password. */
export function basicChallenge(realm: string): string {
  return `Basic realm=${quoted(realm)}`;
}

/** Says where to get a token, and for what (Docker registry token specification). */
export function bearerChallenge(
  { realm, service }: { realm: string; service: string },
  needs: readonly Need[],
  error?: 'invalid_token' | 'insufficient_scope',
): string {
  const scope = scopesOf(needs).map(formatScope).join(' ');
  return [
    `Bearer realm=${quoted(realm)},service=${quoted(service)}`,
    ...(scope === '' ? [] : [`scope=${quoted(scope)}`]),
    ...(error === undefined ? [] : [`error=${quoted(error)}`]),
  ].join(',');
}
