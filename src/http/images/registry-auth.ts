import type { RegistryCredentials } from '#images';
import type { Call } from '../exchange.ts';

const fields = ['username', 'password', 'serveraddress', 'identitytoken', 'registrytoken'] as const;

/**
 * The credentials that a client sends along with what concerns a registry (`X-Registry-Auth`: JSON in base64, of the alphabet
 * for URLs or the other). One that cannot be read counts as none, as Docker has it: old clients send what is no JSON.
 */
export function registryAuth({ headers }: Pick<Call, 'headers'>): RegistryCredentials {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(headers.get('x-registry-auth') ?? '', 'base64').toString());
  } catch {
    return {};
  }
  return credentialsOf(value);
}

/** Credentials as a JSON value holds them; empty when it holds none. */
export function credentialsOf(value: unknown): RegistryCredentials {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return {};
  const given = new Map(Object.entries(value).map(([name, text]: [string, unknown]) => [name.toLowerCase(), text]));
  const credentials: Partial<Record<(typeof fields)[number], string>> = {};
  for (const field of fields) {
    const text = given.get(field);
    if (text === undefined || text === null || text === '') continue;
    if (typeof text !== 'string') return {};
    credentials[field] = text;
  }
  return credentials;
}
