import {
  type Distribution,
  openDistribution,
  proxiesOfEnvironment,
  RegistryError,
  type Repository,
  registryDefaults,
} from '#distribution';
import { kindOf, messageOf } from '#std/errors';
import { refuse } from '../failures.ts';
import { hostName, nameThere, type UpstreamPlace } from './upstreams.ts';

/** What is kept of other registries. */
export interface CacheSettings {
  readonly upstreams: readonly UpstreamPlace[];
  /** The prefix below which a repository is sought that is not here. */
  readonly fallback?: string;
  /** For how long a tag is believed. */
  readonly freshMs: number;
  /** What nobody asked for since goes; undefined for never. */
  readonly keepMs?: number;
  /** Docker's certs.d of the upstreams; its own place by default. */
  readonly certificatesDirectory?: string;
}

/** Where a repository's content is fetched. */
export interface Origin {
  readonly host: string;
  readonly source: Repository;
}

/** Which upstream each repository is of. */
export interface Places {
  origin(repository: string): Origin | undefined;
  host(repository: string): string | undefined;
  /** The one name of a repository below a prefix: `hub/alpine` is `hub/library/alpine`. Undefined for what is of no upstream. */
  inside(repository: string): string | undefined;
  /** The name here of a repository of the upstream that is called `host`. */
  nameFor(host: string, repository: string): string | undefined;
  /** The name here of a repository that is sought elsewhere because it is not here. */
  fallbackFor(repository: string): string | undefined;
}

/** Opens the way to the upstreams, on which this registry is called `userAgent`; all that is on it ends with `signal`. */
export function openPlaces(settings: CacheSettings, userAgent: string, signal: AbortSignal): Places {
  // The longest first: one prefix may begin another.
  const places = [...settings.upstreams].sort((one, other) => other.prefix.length - one.prefix.length);
  const insecure = places.filter(({ isInsecure }) => isInsecure).map(({ host }) => host);
  const { certificatesDirectory = registryDefaults.certificatesDirectory } = settings;
  const reach = {
    ...registryDefaults,
    insecure,
    certificatesDirectory,
    userAgent,
    proxies: proxiesOfEnvironment(process.env),
    downloadAttempts: 4,
    firstRetryMs: 250,
  };
  const distribution: Distribution = openDistribution(() => reach);
  const find = (repository: string): UpstreamPlace | undefined =>
    places.find(({ prefix }) => repository.startsWith(`${prefix}/`));
  const rest = ({ prefix }: UpstreamPlace, repository: string): string => repository.slice(prefix.length + 1);
  const below = (place: UpstreamPlace, repository: string): string =>
    `${place.prefix}/${nameThere(place, repository).slice(place.host.length + place.path.length + 1)}`;
  return {
    origin(repository) {
      const place = find(repository);
      if (place === undefined) return undefined;
      const name = nameThere(place, rest(place, repository));
      const source = distribution.repository(name, { credentials: place.credentials, actions: 'pull', signal });
      return { host: place.host, source };
    },
    host: (repository) => find(repository)?.host,
    inside(repository) {
      const place = find(repository);
      return place === undefined ? undefined : below(place, rest(place, repository));
    },
    nameFor(host, repository) {
      const place = places.find((one) => one.host === hostName(host));
      return place === undefined ? undefined : below(place, repository);
    },
    fallbackFor(repository) {
      const place = places.find(({ prefix }) => prefix === settings.fallback);
      return place === undefined ? undefined : below(place, repository);
    },
  };
}

/** Whether an upstream answered that it has it not. */
export function isAbsent(error: unknown): boolean {
  return error instanceof RegistryError && error.details.status === 404;
}

/** Why a client gets nothing, where nothing is stored. */
export function failureOf(host: string, error: unknown): unknown {
  // A disk that is full is ours.
  if (kindOf(error) === 'exhausted') return error;
  const message = `${host} does not give it: ${messageOf(error)}`;
  if (kindOf(error) === 'rate-limited') return refuse('TOOMANYREQUESTS', message);
  const status = error instanceof RegistryError ? error.details.status : undefined;
  if (status === 401 || status === 403) return refuse('DENIED', message);
  return refuse('UNAVAILABLE', message, { status: 502 });
}
