import type { RegistryCredentials } from '../system/auth.ts';

/** The header that carries credentials to the engine; none at all is said too, as docker does. */
export function registryAuthHeader(credentials: RegistryCredentials | undefined): Readonly<Record<string, string>> {
  const text = Buffer.from(JSON.stringify(credentials ?? {})).toString('base64');
  // Go's alphabet for URLs keeps the padding.
  return { 'X-Registry-Auth': text.replaceAll('+', '-').replaceAll('/', '_') };
}
