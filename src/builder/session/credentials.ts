import type { RegistryCredentials } from '#distribution';
import type { BuildSession } from './session.ts';

/**
 * What the first client that knows it has for the registry of a name in full (`docker.io/library/busybox`); each client maps the
 * host to what it calls it.
 */
export async function credentialsOf(
  { sessions }: { readonly sessions: readonly Pick<BuildSession, 'credentials'>[] },
  name: string,
): Promise<RegistryCredentials | undefined> {
  const host = name.slice(0, name.indexOf('/'));
  for (const session of sessions) {
    const found = await session.credentials(host);
    if (found !== undefined) return found;
  }
  return undefined;
}
