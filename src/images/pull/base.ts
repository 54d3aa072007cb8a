import type { ProgressMessage } from '#api';
import { type RegistryCredentials, RegistryError, type Repository } from '#distribution';
import { chainOf, formatReference, type ImageReference, type Platform, parseImageConfig, parseReference } from '#oci';
import { fail, kindOf } from '#std/errors';
import { syncFileSystem } from '#store';
import { canonical } from '../catalogue.ts';
import { manifestsFor } from '../manifests.ts';
import { type PullOptions, pullImage } from './pull.ts';
import { fetchConfig, resolveManifest } from './resolve.ts';

/** An image as something to build on. */
export interface BaseImage {
  /** In full; with the digest where it is a registry's. */
  readonly reference: string;
  readonly imageId: string;
  /** Of the manifest or index that the name stands for; undefined for one that was made here. */
  readonly digest?: string;
  /** The configuration file, bit for bit. */
  readonly config: Uint8Array;
  /** Chain ids, from the base up. */
  readonly chain: readonly string[];
}

export interface BaseRequest {
  readonly reference: string;
  readonly platform: Platform;
  readonly credentials?: RegistryCredentials | undefined;
  readonly signal: AbortSignal;
}

/** Images to build on. */
export interface BaseImages {
  /** One that is here and runs on the platform, by name or id; undefined when there is none. */
  local(reference: string, platform: Platform): BaseImage | undefined;
  /** What a registry has under a name: its configuration, not its layers. Throws `not-found` (`NAME: not found`). */
  remote(request: BaseRequest): Promise<BaseImage>;
  /** Fetches the layers, and makes no image of them: they are held, and recorded. `onProgress` is told as a pull's reader is. */
  fetch(request: BaseRequest, onProgress: (message: ProgressMessage) => void): Promise<readonly string[]>;
}

function openRepository({ distribution }: PullOptions, { name }: ImageReference, request: BaseRequest) {
  const { credentials, signal } = request;
  return (abandoned: AbortSignal = signal): Repository =>
    distribution.repository(name, { credentials, actions: 'pull', signal: AbortSignal.any([signal, abandoned]) });
}

/** In BuildKit's words, what a registry answers to who may not pull, or asks for what is not there and may not know it. */
const denial =
  'pull access denied, repository does not exist or may require authorization: ' +
  'server message: insufficient_scope: authorization failed';

/** What a registry says of a manifest that it does not have, or does not give, in the words of builds. */
function baseError(error: unknown, reference: ImageReference): unknown {
  if (error instanceof RegistryError && error.details.code === 'DENIED') return fail('forbidden', denial, error);
  if (kindOf(error) === 'not-found') return fail('not-found', `${formatReference(reference)}: not found`, error);
  // What a pull says around the registry's own words is not said here.
  return error instanceof RegistryError && error.details.cause instanceof RegistryError ? error.details.cause : error;
}

async function resolved(options: PullOptions, request: BaseRequest) {
  const reference = canonical(parseReference(request.reference));
  const open = openRepository(options, reference, request);
  const repository = open();
  try {
    const fetched = await repository.manifest(reference.digest ?? reference.tag ?? 'latest');
    const shown = formatReference(reference);
    return {
      reference,
      open,
      repository,
      manifest: await resolveManifest(repository, fetched, request.platform, shown),
    };
  } catch (error) {
    throw baseError(error, reference);
  }
}

async function remote(options: PullOptions, request: BaseRequest): Promise<BaseImage> {
  const { reference, repository, manifest } = await resolved(options, request);
  const { imageId, artifactType } = manifest.record;
  const shown = formatReference(reference);
  if (artifactType !== undefined)
    throw fail('invalid-argument', `${shown} is no image to build on: it is of ${artifactType}`);
  const known = options.blobs.has(imageId) ? options.blobs.get(imageId) : undefined;
  const config = known ?? (await fetchConfig(repository, manifest));
  const pinned = reference.digest === undefined ? `${shown}@${manifest.digest}` : shown;
  const chain = chainOf(parseImageConfig(config).rootfs.diff_ids);
  return { reference: pinned, imageId, digest: manifest.digest, config, chain };
}

async function fetchLayers(
  options: PullOptions,
  request: BaseRequest,
  report: (message: ProgressMessage) => void,
): Promise<readonly string[]> {
  const { layers, catalogue, records, dataRoot } = options;
  const { open, repository, manifest } = await resolved(options, request);
  const held: string[] = [];
  const joined: Parameters<typeof pullImage>[3] = [];
  const { platform, signal } = request;
  try {
    const made = await pullImage({ options, open, repository, platform, signal, report }, manifest, held, joined);
    await syncFileSystem(dataRoot);
    records.transaction(() => {
      for (const layer of made.layers) if (catalogue.layers.get(layer.id) === undefined) catalogue.layers.put(layer);
    });
    return made.layers.map(({ id }) => {
      if (layers.hold(id) === undefined) throw fail('internal', `layer ${id} is gone`);
      return id;
    });
  } finally {
    layers.release(held);
    await Promise.all(joined.map((transfer) => transfer.leave(report)));
  }
}

/** Images to build on, of the records and of registries. */
export function createBaseImages(options: PullOptions): BaseImages {
  const { catalogue, blobs } = options;
  return {
    local(text, platform) {
      const image = (() => {
        try {
          return catalogue.find(text, platform);
        } catch (error) {
          if (kindOf(error) === 'not-found') return undefined;
          throw error;
        }
      })();
      if (image === undefined || image.artifactType !== undefined || !blobs.has(image.id)) return undefined;
      const own = { imageId: image.id, config: blobs.get(image.id), chain: image.chain };
      if (text === image.id) return { reference: text, ...own };
      const reference = canonical(parseReference(text));
      const [manifest] = manifestsFor(catalogue, image.id, reference.name);
      const digest = reference.digest ?? manifest?.indexes[0]?.digest ?? manifest?.id;
      return {
        reference: formatReference(reference),
        ...own,
        ...(digest !== undefined && { digest }),
      };
    },
    remote: (request) => remote(options, request),
    fetch: (request, onProgress) => fetchLayers(options, request, onProgress),
  };
}
