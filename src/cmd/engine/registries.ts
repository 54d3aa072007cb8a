import { proxiesOfEnvironment, type RegistrySettings, registryDefaults } from '#distribution';
import { programVersion } from '../version.ts';
import type { EngineSettings } from './settings/read.ts';

/** How the client of registries is to reach them. */
export function registrySettings(settings: EngineSettings): RegistrySettings {
  const { registryMirrors, insecureRegistries, transfers } = settings;
  return {
    ...registryDefaults,
    insecure: insecureRegistries,
    mirrors: { 'docker.io': registryMirrors },
    downloadAttempts: transfers.attempts,
    // What daemon.json says of proxies is there since the start.
    proxies: proxiesOfEnvironment(process.env),
    userAgent: `estiba/${programVersion}`,
  };
}
