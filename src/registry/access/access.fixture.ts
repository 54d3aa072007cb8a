import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fail } from '#std/errors';
import { RegistryFailure } from '../failures.ts';
import type { Grants, Need } from '../types.ts';
import { type AccessSettings, openAccess } from './access.ts';

/** A bcrypt hash of the least cost. */
export const hashOf = (password: string): string => Bun.password.hashSync(password, { algorithm: 'bcrypt', cost: 4 });

/** No users, no rules. */
export const base: AccessSettings = { realm: 'Estiba', rights: [], groups: {} };
/** Where requests come from. */
export const from = { address: '127.0.0.1' };
/** What reading a repository needs. */
export const pull = (repository: string): Need => ({ action: 'pull', repository });
/** What writing to a repository needs. */
export const push = (repository: string): Need => ({ action: 'push', repository });
/** An `Authorization` by name and password. */
export const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

/** A request to a registry at registry.test. */
export function request(authorization?: string, path = '/v2/'): Request {
  const headers = { host: 'registry.test:5000', ...(authorization !== undefined && { authorization }) };
  return new Request(`http://registry.test:5000${path}`, { headers });
}

/** The grants, or the code and challenge of the refusal. */
export async function ask(
  settings: Partial<AccessSettings>,
  authorization?: string,
): Promise<Grants | { code: string; challenge?: string }> {
  try {
    return await openAccess({ ...base, ...settings }).authorize(request(authorization), from);
  } catch (error) {
    if (!(error instanceof RegistryFailure)) throw error;
    const challenge = error.headers['WWW-Authenticate'];
    return { code: error.code, ...(challenge !== undefined && { challenge }) };
  }
}

/** The grants; throws where there are none. */
export async function granted(settings: Partial<AccessSettings>, authorization?: string): Promise<Grants> {
  const grants = await ask(settings, authorization);
  if ('code' in grants) throw fail('unauthorized', `refused: ${grants.code}`);
  return grants;
}

/** A directory, which its caller removes, with an htpasswd file of alice (`secret`) and bob (`other`). */
export function makeUsers(): { directory: string; htpasswd: string } {
  const directory = mkdtempSync(join(tmpdir(), 'estiba-access-'));
  const htpasswd = join(directory, 'htpasswd');
  writeFileSync(htpasswd, `# users\nalice:${hashOf('secret')}\n\nbob:${hashOf('other')}\n`);
  return { directory, htpasswd };
}
