import { release } from 'node:os';
import { proxiesOfEnvironment, type RegistrySettings, registryDefaults } from '#distribution';
import { programVersion } from '../version.ts';
import type { EngineSettings } from './settings/read.ts';

/** How the client of registries is to reach them. */
export function registrySettings(settings: EngineSettings): RegistrySettings {
  const { registryMirrors, mirrorsByRegistry, registryCertificates, insecureRegistries, transfers } = settings;
  return {
    ...registryDefaults,
    insecure: insecureRegistries,
    mirrors: {
      ...mirrorsByRegistry,
      'docker.io': [...registryMirrors, ...(mirrorsByRegistry['docker.io'] ?? [])],
    },
    ...(registryCertificates !== undefined && { certificatesDirectory: registryCertificates }),
    downloadAttempts: transfers.attempts,
    concurrentDownloads: transfers.downloads,
    concurrentUploads: transfers.uploads,
    // What daemon.json says of proxies is there since the start.
    proxies: proxiesOfEnvironment(process.env),
    userAgent: `estiba/${programVersion} bun/${Bun.version} kernel/${release()} os/linux arch/${process.arch}`,
  };
}
