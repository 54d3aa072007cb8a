import type { Distribution, RegistryCredentials } from '#distribution';
import { digestOf } from '#oci';
import { fail, messageOf } from '#std/errors';
import { shortId } from '#std/identifiers';
import { type Blobs, type Records, type Snapshots, syncFileSystem } from '#store';
import type { BlobSources } from '../blob-sources.ts';
import type { Catalogue, StoredImage, StoredLayer } from '../catalogue.ts';
import type { Layers } from '../layers.ts';
import type { CheckRequest } from '../types.ts';

/** What healing needs. */
export interface HealOptions {
  readonly records: Pick<Records, 'transaction'>;
  readonly catalogue: Catalogue;
  readonly blobs: Blobs;
  readonly snapshots: Snapshots;
  readonly layers: Layers;
  readonly blobSources: BlobSources;
  readonly dataRoot: string;
  readonly distribution: Distribution;
}

/** With what registries are asked. */
export type HealRequest = Pick<CheckRequest, 'credentials' | 'signal'>;

interface WantedBlob {
  readonly digest: string;
  readonly mediaType: string;
  readonly repositories: readonly string[];
}

/** The registry that an address of `docker login` means, as names of repositories begin with it. */
function registryOf(address: string): string {
  const host = address.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
  return host === 'index.docker.io' || host === 'registry-1.docker.io' ? 'docker.io' : host;
}

function credentialsFor({ credentials }: HealRequest, repository: string): RegistryCredentials | undefined {
  const { serveraddress } = credentials;
  if (serveraddress === undefined) return undefined;
  return registryOf(serveraddress) === repository.slice(0, repository.indexOf('/')) ? credentials : undefined;
}

/** Repositories that an image came from or was sent to. */
function repositoriesOf(catalogue: Catalogue, imageIds: readonly string[]): string[] {
  const references = imageIds.flatMap((id) => catalogue.referencesOf(id));
  return references.filter(({ digest }) => digest !== undefined).map(({ name }) => name);
}

async function fetchFrom(options: HealOptions, request: HealRequest, wanted: WantedBlob, name: string): Promise<void> {
  const { blobs, distribution } = options;
  const credentials = credentialsFor(request, name);
  const repository = distribution.repository(name, { credentials, actions: 'pull', signal: request.signal });
  const there = await repository.headBlob(wanted.digest);
  if (there === undefined) throw fail('not-found', 'the registry has it not');
  const partial = await blobs.openPartial(wanted.digest);
  try {
    const descriptor = { digest: wanted.digest, mediaType: wanted.mediaType, size: there.sizeBytes };
    for await (const chunk of repository.blob(descriptor, { offset: partial.sizeBytes })) {
      if (partial.sizeBytes + chunk.length > there.sizeBytes)
        throw fail('internal', `${name} sends more than it should`);
      await partial.write(chunk);
    }
    // It takes the damaged one's place, and only when it is what its digest says.
    await partial.finish();
  } catch (error) {
    await partial.suspend(error);
    throw error;
  }
}

async function fetchBlob(options: HealOptions, request: HealRequest, wanted: WantedBlob): Promise<string> {
  const reasons: string[] = [];
  for (const name of new Set(wanted.repositories)) {
    try {
      await fetchFrom(options, request, wanted, name);
      return name;
    } catch (error) {
      request.signal.throwIfAborted();
      reasons.push(`${name}: ${messageOf(error)}`);
    }
  }
  throw fail('not-found', reasons.length === 0 ? 'no registry is known to have it' : reasons.join('; '));
}

/**
 * Has a layer's blob again, from a registry that has it: the very one, or another that holds the same tar. Returns the layer
 * with the blob that it has now, and where that came from.
 */
export async function healBlob(
  options: HealOptions,
  request: HealRequest,
  layer: StoredLayer,
): Promise<{ layer: StoredLayer; from: string }> {
  const { catalogue, blobSources } = options;
  const users = [...catalogue.images.all()].filter(({ chain }) => chain.includes(layer.id)).map(({ id }) => id);
  const own = layer.blob === undefined ? undefined : blobSources.get(layer.blob);
  const came = repositoriesOf(catalogue, users);
  const others = blobSources.ofDiffId(layer.diffId).filter(({ id }) => id !== layer.blob);
  const { mediaType } = layer;
  try {
    if (layer.blob === undefined) throw fail('not-found', 'it was made here, and no registry is known to have it');
    const repositories = [...(own?.repositories ?? []), ...came];
    return { layer, from: await fetchBlob(options, request, { digest: layer.blob, mediaType, repositories }) };
  } catch (error) {
    for (const { id: digest, mediaType: type, repositories } of others) {
      const wanted = { digest, mediaType: type, repositories };
      const from = await fetchBlob(options, request, wanted).catch(() => undefined);
      if (from !== undefined) return { layer: { ...layer, blob: digest, mediaType: type }, from };
    }
    throw error;
  }
}

/** Has a blob that is not unpacked again from a registry; returns where it came from. */
export function healPackedBlob(
  options: HealOptions,
  request: HealRequest,
  image: StoredImage,
  { digest, mediaType }: { readonly digest: string; readonly mediaType: string },
): Promise<string> {
  return fetchBlob(options, request, {
    digest,
    mediaType,
    repositories: repositoriesOf(options.catalogue, [image.id]),
  });
}

/** Has an image's configuration again from a registry; returns where it came from. */
export async function healConfig(options: HealOptions, request: HealRequest, image: StoredImage): Promise<string> {
  const repositories = repositoriesOf(options.catalogue, [image.id]);
  const mediaType = 'application/vnd.oci.image.config.v1+json';
  return fetchBlob(options, request, { digest: image.id, mediaType, repositories });
}

/** Has a manifest or an index again, bit for bit; returns where it came from. */
export async function healManifest(
  options: HealOptions,
  request: HealRequest,
  image: StoredImage,
  digest: string,
): Promise<string> {
  const { catalogue, blobs, distribution } = options;
  const reasons: string[] = [];
  for (const name of new Set(repositoriesOf(catalogue, [image.id]))) {
    try {
      const credentials = credentialsFor(request, name);
      const repository = distribution.repository(name, { credentials, actions: 'pull', signal: request.signal });
      const { content } = await repository.manifest(digest);
      if (digestOf(content) !== digest) throw fail('internal', `${name} sends another manifest`);
      blobs.put(content);
      return name;
    } catch (error) {
      request.signal.throwIfAborted();
      reasons.push(`${name}: ${messageOf(error)}`);
    }
  }
  throw fail('not-found', reasons.length === 0 ? 'no registry is known to have it' : reasons.join('; '));
}

/** Containers that have a layer mounted now. */
function mountedBy({ catalogue, snapshots }: HealOptions, chainId: string): string[] {
  return [...catalogue.rootfs.all()]
    .filter(({ id, chain }) => chain.includes(chainId) && snapshots.isContainerMounted(id))
    .map(({ id }) => shortId(id));
}

function refuseMounted(options: HealOptions, layer: StoredLayer): void {
  const containers = mountedBy(options, layer.id);
  if (containers.length === 0) return;
  const which = containers.join(', ');
  throw fail(
    'conflict',
    `mounted by ${which}: what lies below a running container must not change, stop it and repair again`,
  );
}

/**
 * Unpacks a layer anew from its blob, which must be whole, and has it take the place of what is there: in one step, once all of
 * it is on the disk. Throws `conflict` when a container has it mounted; whatever fails, what was there stays.
 */
export async function healTree(options: HealOptions, layer: StoredLayer, parent: string | undefined): Promise<void> {
  const { blobs, layers, dataRoot } = options;
  const { blob } = layer;
  if (blob === undefined) throw fail('not-found', 'it was made here, and there is no blob to unpack it from');
  refuseMounted(options, layer);
  const sizeBytes = blobs.sizeBytes(blob) ?? 0;
  const source = { path: blobs.path(blob), grown: async () => ({ sizeBytes, isComplete: true }) };
  const loose = await layers.unpack(source, { expectedDiffId: layer.diffId, expectedDigest: blob });
  try {
    await syncFileSystem(dataRoot);
    // A container may have been started meanwhile; from here on nothing can come in between.
    refuseMounted(options, layer);
    layers.replace(loose, layer, parent);
  } catch (error) {
    layers.abandon(loose);
    throw error;
  }
}
