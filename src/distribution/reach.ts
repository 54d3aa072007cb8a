import { type Endpoint, type Endpoints, originPlace, type Place, type RegistryAsk } from './endpoint.ts';
import { splitName } from './hosts.ts';
import { withRetries } from './retry.ts';
import type { Answer, Transport } from './transport.ts';
import type { RegistryCredentials, RegistrySettings } from './types.ts';

/** Who asks for which repository, and for what. */
export interface Asker {
  /** In full: `docker.io/library/busybox`. */
  readonly name: string;
  readonly credentials?: RegistryCredentials | undefined;
  readonly actions: 'pull' | 'push';
  readonly signal: AbortSignal;
}

/** How one repository is reached. */
export interface Reach {
  readonly host: string;
  /** In the registry: `library/busybox`. */
  readonly path: string;
  readonly scopes: readonly string[];
  readonly attempts: number;
  readonly firstMs: number;
  readonly signal: AbortSignal;
  readonly transport: Transport;
  /** The registry itself. */
  origin(): Promise<Endpoint>;
  /** Its mirrors, to be asked first. */
  mirrors(): readonly (() => Promise<Endpoint>)[];
  /** Asks the registry itself, again while it fails with what may pass. */
  ask(url: string, request: Partial<RegistryAsk>): Promise<Answer>;
  /** Has a mirror do it, or else the registry itself; its failure alone is told of. */
  anywhere<T>(work: (endpoint: Endpoint) => Promise<T>): Promise<T>;
}

/** The mirrors of a registry, as the settings have them. A name and a password may stand in the URL. */
function mirrorPlaces(host: string, settings: RegistrySettings): Place[] {
  return [...(settings.mirrors[host] ?? []), ...(settings.mirrors['*'] ?? [])].map((text) => {
    const url = new URL(text);
    const [username, password] = [decodeURIComponent(url.username), decodeURIComponent(url.password)];
    const insecure = settings.insecure.includes(url.host) || settings.insecure.includes(url.hostname);
    return {
      bases: [`${url.origin}${url.pathname.replace(/\/+$/, '')}`],
      insecure,
      // Those that somebody has for the registry are not the mirror's business.
      credentials: username === '' ? undefined : { username, password },
    };
  });
}

/** Finds the way to a repository. */
export function createReach(
  room: { readonly transport: Transport; readonly endpoints: Endpoints; readonly settings: () => RegistrySettings },
  { name, credentials, actions, signal }: Asker,
): Reach {
  const { transport, endpoints, settings } = room;
  const { host, path } = splitName(name);
  const scopes = [`repository:${path}:${actions === 'push' ? 'pull,push' : 'pull'}`];
  const { downloadAttempts: attempts, firstRetryMs: firstMs = 1000 } = settings();
  // A short request is worth less patience than a layer.
  const retry = <T>(work: () => Promise<T>) => withRetries({ attempts, firstMs: firstMs / 2, signal }, work);
  // Whether the host is of this machine or of a listed network may be a question to the name server: asked once.
  let place: Promise<Place> | undefined;
  const origin = async () => {
    place ??= originPlace(host, settings(), credentials);
    return endpoints.open(await place, signal);
  };
  const mirrors = () => mirrorPlaces(host, settings()).map((place) => () => endpoints.open(place, signal));

  async function anywhere<T>(work: (endpoint: Endpoint) => Promise<T>): Promise<T> {
    for (const open of mirrors()) {
      try {
        return await work(await open());
      } catch {
        signal.throwIfAborted();
      }
    }
    return retry(async () => work(await origin()));
  }
  const ask = (url: string, request: Partial<RegistryAsk>) =>
    retry(async () => (await origin()).ask(url, { scopes, ...request }));
  return { host, path, scopes, attempts, firstMs, signal, transport, origin, mirrors, ask, anywhere };
}
