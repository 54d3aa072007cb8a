import { certificatesFor } from './certificates.ts';
import { createEndpoints } from './endpoint.ts';
import { logIn } from './login.ts';
import { proxyFor } from './proxy.ts';
import { createReach } from './reach.ts';
import { openRepository } from './repository.ts';
import { searchIndex } from './search.ts';
import { createTokens } from './tokens.ts';
import { createTransport } from './transport.ts';
import type { Distribution, RegistrySettings } from './types.ts';

/** What holds where nothing is set. */
export const registryDefaults: RegistrySettings = {
  insecure: [],
  mirrors: {},
  certificatesDirectory: '/etc/docker/certs.d',
  downloadAttempts: 5,
  proxies: {},
};

const idleMs = 60_000;

/** Opens the client of registries. The settings are asked for at each use: they may change. */
export function openDistribution(settings: () => RegistrySettings): Distribution {
  const transport = createTransport({
    wayTo: (url) => ({
      proxy: proxyFor(url, settings().proxies),
      ...(url.protocol === 'https:' && { tls: certificatesFor(settings().certificatesDirectory, url.host) }),
    }),
    userAgent: settings().userAgent ?? 'estiba',
    idleMs: () => settings().idleMs ?? idleMs,
  });
  const tokens = createTokens(transport);
  const endpoints = createEndpoints({ transport, tokens });
  return {
    repository: (name, asker) =>
      openRepository(name, createReach({ transport, endpoints, settings }, { name, ...asker })),
    limits: () => ({ downloads: settings().concurrentDownloads ?? 3, uploads: settings().concurrentUploads ?? 5 }),
    login: (credentials, signal) => logIn({ transport, tokens, settings }, credentials, signal),
    search: (term, query) => searchIndex({ transport, settings }, term, query),
  };
}
