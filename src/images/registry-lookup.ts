import type { DistributionInspect, Filters, RegistryPlatform, SearchResult } from '#api';
import {
  type Distribution,
  type FetchedManifest,
  type RegistryCredentials,
  RegistryError,
  type Repository,
} from '#distribution';
import {
  formatReference,
  isDigest,
  isIndexType,
  parseIndex,
  parseJsonObject,
  parseManifest,
  parseReference,
  withDefaultTag,
} from '#oci';
import { fail, kindOf } from '#std/errors';
import { booleanFilter, checkFilters } from './filters.ts';
import { refuseSchema1 } from './pull/resolve.ts';

export interface LookupOptions {
  readonly credentials: RegistryCredentials;
  readonly signal: AbortSignal;
}

/** A configuration larger than that is none. */
const configMaxBytes = 8 * 1024 * 1024;

/** What a manifest, an index's entry or a configuration says of what it runs on, in the order of Docker's fields. */
function platformOf(value: object): RegistryPlatform {
  const given = value as Record<string, unknown>;
  const text = (name: string): string => (typeof given[name] === 'string' ? given[name] : '');
  const features = given['os.features'];
  return {
    architecture: text('architecture'),
    os: text('os'),
    ...(text('os.version') && { 'os.version': text('os.version') }),
    ...(Array.isArray(features) && features.length > 0 && { 'os.features': features.map(String) }),
    ...(text('variant') && { variant: text('variant') }),
  };
}

async function configOf(repository: Repository, content: Uint8Array): Promise<object> {
  const { config } = parseManifest(content);
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of repository.blob(config)) {
    sizeBytes += chunk.length;
    if (sizeBytes > configMaxBytes) throw fail('internal', `the configuration ${config.digest} is too large`);
    chunks.push(chunk);
  }
  return parseJsonObject(Buffer.concat(chunks), 'image JSON');
}

async function platformsOf(repository: Repository, { descriptor, content }: FetchedManifest) {
  if (isIndexType(descriptor.mediaType)) {
    return parseIndex(content).manifests.map(({ platform }) => platformOf(platform ?? {}));
  }
  // A configuration that is none, or not there, says nothing.
  const config = await configOf(repository, content).catch((error: unknown) => {
    if (kindOf(error) === 'cancelled') throw error;
    return {};
  });
  const platform = platformOf(config);
  return platform.os === '' && platform.architecture === '' ? null : [platform];
}

/** What a registry has under a name, without fetching it (`docker manifest inspect`, and what swarm asks). */
export async function inspectDistribution(
  distribution: Distribution,
  name: string,
  { credentials, signal }: LookupOptions,
): Promise<DistributionInspect> {
  if (isDigest(name) || /^[0-9a-f]{64}$/.test(name)) throw fail('internal', 'no manifest found for full image ID');
  const reference = withDefaultTag(parseReference(name));
  const repository = distribution.repository(reference.name, { credentials, actions: 'pull', signal });
  const fetched = await repository.manifest(reference.digest ?? reference.tag ?? '').catch((error: unknown) => {
    // What a pull says around the registry's own words is not said here.
    throw error instanceof RegistryError && error.details.cause instanceof RegistryError ? error.details.cause : error;
  });
  const { mediaType, digest, size } = fetched.descriptor;
  refuseSchema1(mediaType, formatReference(reference));
  return { Descriptor: { mediaType, digest, size }, Platforms: await platformsOf(repository, fetched) };
}

const searchFilters = ['is-automated', 'is-official', 'stars'];
const defaultLimit = 25;
const largestLimit = 100;

function starsFilter(filters: Filters): number {
  const stars = (filters.get('stars') ?? []).map((value) => {
    if (/^[+-]?\d+$/.test(value)) return Number(value);
    const fault = `strconv.Atoi: parsing ${JSON.stringify(value)}: invalid syntax`;
    throw fail('invalid-argument', `invalid filter 'stars=${value}': ${fault}`);
  });
  return Math.max(0, ...stars);
}

/** Asks a registry for repositories (`docker search`). */
export async function searchRegistry(
  distribution: Distribution,
  request: LookupOptions & { readonly term: string; readonly limit: number; readonly filters: Filters },
): Promise<SearchResult[]> {
  const { term, filters, credentials, signal } = request;
  checkFilters(filters, searchFilters);
  const isAutomated = booleanFilter(filters, 'is-automated');
  const isOfficial = booleanFilter(filters, 'is-official');
  const stars = starsFilter(filters);
  // No registry has any since Docker Hub gave that up.
  if (isAutomated === true) return [];
  const limit = request.limit === 0 ? defaultLimit : request.limit;
  if (limit < 1 || limit > largestLimit) {
    throw fail('invalid-argument', `limit ${limit} is outside the range of [1, ${largestLimit}]`);
  }
  if (/^https?:\/\//.test(term)) {
    throw fail('invalid-argument', `invalid repository name: repository name (${term}) should not have a scheme`);
  }
  const found = await distribution.search(term, { limit, credentials, signal });
  return found
    .filter((hit) => hit.star_count >= stars && (isOfficial === undefined || hit.is_official === isOfficial))
    .map((hit) => ({
      star_count: hit.star_count,
      is_official: hit.is_official,
      name: hit.name,
      is_automated: false,
      description: hit.description,
    }));
}
