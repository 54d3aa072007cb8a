import type { EngineClient } from '../transport/engine-client.ts';

/** Credentials for a registry, as the API carries them. */
export interface RegistryCredentials {
  readonly username?: string;
  readonly password?: string;
  readonly identitytoken?: string;
  readonly serveraddress: string;
}

/** `POST /auth`: asks the registry whether the credentials are good. */
export function checkCredentials(
  engine: EngineClient,
  credentials: RegistryCredentials,
): Promise<{ Status: string; IdentityToken?: string }> {
  return engine.json({ method: 'POST', path: '/auth', body: credentials });
}
