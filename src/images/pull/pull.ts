import type { ProgressMessage } from '#api';
import type { Distribution, RegistryCredentials, Repository } from '#distribution';
import {
  chainOf,
  familiarName,
  familiarReference,
  formatReference,
  type ImageReference,
  isDigest,
  isTag,
  type Platform,
  parseImageConfig,
  parseReference,
  runsOn,
} from '#oci';
import { EstibaError, fail, kindOf, messageOf } from '#std/errors';
import { shortId } from '#std/identifiers';
import type { Blobs } from '#store';
import type { BlobSources } from '../blob-sources.ts';
import { platformMismatch, type StoredLayer } from '../catalogue.ts';
import { commitImages, type NewImage } from '../commit.ts';
import { checkDepth, type Layers } from '../layers.ts';
import type { ManifestLayer } from '../manifests.ts';
import { progressMessage, type Report, reporting } from '../progress.ts';
import { wantedPlatform } from './platform-choice.ts';
import { fetchConfig, type ResolvedManifest, resolveManifest } from './resolve.ts';
import type { Transfer, Wanted } from './transfer.ts';
import type { Transfers } from './transfers.ts';

export interface PullRequest {
  /** As people write it, with or without a tag or a digest. */
  readonly reference: string;
  /** A tag or a digest; with neither here nor there, all tags are meant. */
  readonly tag?: string;
  readonly platform?: string;
  readonly credentials?: RegistryCredentials;
  /** Ends the pull before its first line; afterwards the reader's going away does. */
  readonly signal: AbortSignal;
}

export type PullOptions = Parameters<typeof commitImages>[0] & {
  readonly layers: Layers;
  readonly blobs: Blobs;
  readonly blobSources: BlobSources;
  readonly distribution: Distribution;
  readonly transfers: Transfers;
};

/** One pull on its way. */
export interface Pull {
  readonly options: PullOptions;
  readonly open: (signal: AbortSignal) => Repository;
  readonly repository: Repository;
  readonly platform: Platform;
  readonly signal: AbortSignal;
  readonly report: Report;
}

/** What `fromImage` and `tag` ask for. Throws `invalid-argument` in Docker's words. */
function targetOf({ reference: text, tag }: PullRequest): ImageReference {
  const reference = parseReference(text);
  if (tag === undefined || tag === '') return reference;
  if (isDigest(tag)) return { ...reference, digest: tag };
  if (!isTag(tag)) throw fail('invalid-argument', 'invalid tag format');
  return { name: reference.name, tag };
}

/** Waits for a transfer, or throws when this pull alone is given up. */
async function awaiting(work: Promise<void>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(fail('cancelled', 'context canceled'));
  signal.addEventListener('abort', abort, { once: true });
  try {
    await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** Has all that is wanted come in at once; `each` is called in order, when it is there. Transfers are left by the caller. */
async function transferAll(
  pull: Pull,
  wanted: readonly Wanted[],
  joined: Transfer[],
  each: (transfer: Transfer) => void,
) {
  const { options, open, signal, report } = pull;
  for (const one of wanted) {
    const transfer = options.transfers.begin({ ...options, open }, one);
    transfer.join(report);
    joined.push(transfer);
  }
  const transfers = [...joined];
  let next = 0;
  const isDone = new Set<Transfer>();
  await Promise.all(
    transfers.map(async (transfer) => {
      await awaiting(transfer.done(), signal);
      isDone.add(transfer);
      for (let ready = transfers[next]; ready !== undefined && isDone.has(ready); ready = transfers[next]) {
        next += 1;
        each(ready);
      }
    }),
  );
}

/** A registry has the blob; which layer it holds only its unpacking would show. */
function noteSource({ options: { blobSources }, repository }: Pull, { digest, mediaType, size }: ManifestLayer): void {
  const diffId = blobSources.get(digest)?.diffId ?? '';
  blobSources.put({ digest, repository: repository.name, diffId, mediaType, sizeBytes: size });
}

async function pullLayers(
  pull: Pull,
  diffIds: readonly string[],
  descriptors: readonly ManifestLayer[],
  held: string[],
  joined: Transfer[],
): Promise<StoredLayer[]> {
  const { layers } = pull.options;
  if (descriptors.length !== diffIds.length) {
    throw fail('invalid-argument', `layers length mismatch: expected ${diffIds.length}, got ${descriptors.length}`);
  }
  const chain = chainOf(diffIds);
  const result: StoredLayer[] = [];
  // A layer is there with all those below it.
  for (const chainId of chain) {
    const present = layers.holdWhole(chainId);
    if (present === undefined) break;
    held.push(chainId);
    result.push(present);
    const descriptor = descriptors[result.length - 1];
    // It may be kept here compressed otherwise: then a push finds the manifest's blob where it is.
    if (descriptor !== undefined) noteSource(pull, descriptor);
    pull.report(progressMessage(shortId(descriptor?.digest ?? chainId), 'Already exists'));
  }
  const wanted = descriptors.slice(result.length).map((descriptor, index): Wanted => {
    const at = result.length + index;
    return { descriptor, diffId: diffIds[at] ?? '', parent: chain[at - 1] };
  });
  await transferAll(pull, wanted, joined, (transfer) => {
    result.push(transfer.adopt());
    pull.report(progressMessage(shortId(transfer.wanted.descriptor.digest), 'Pull complete'));
  });
  return result;
}

/** All that an artifact consists of, kept as it is: the manifest is the image's id. */
async function pullArtifact(pull: Pull, manifest: ResolvedManifest, joined: Transfer[]): Promise<NewImage> {
  const { config, layers, id } = manifest.record;
  const distinct = new Map([config, ...layers].map((descriptor) => [descriptor.digest, descriptor]));
  const wanted = [...distinct.values()].map((descriptor): Wanted => ({ descriptor }));
  await transferAll(pull, wanted, joined, (transfer) => {
    pull.report(progressMessage(shortId(transfer.wanted.descriptor.digest), 'Pull complete'));
  });
  const [content] = manifest.contents;
  if (content === undefined) throw fail('internal', `manifest ${id} has no content`);
  const file = { rootfs: { type: 'layers', diff_ids: [] } };
  return { id, content, file, layers: [], references: [], manifest };
}

/** Has an image's configuration and layers come; what it holds is in `held` and `joined`. */
export async function pullImage(
  pull: Pull,
  manifest: ResolvedManifest,
  held: string[],
  joined: Transfer[],
): Promise<NewImage> {
  const { catalogue, layers, blobs } = pull.options;
  const { imageId, layers: descriptors } = manifest.record;
  const known = catalogue.images.get(imageId);
  const present = known?.chain.map((chainId) => layers.holdWhole(chainId)) ?? [];
  held.push(...present.flatMap((layer) => layer?.id ?? []));
  const isWhole = known !== undefined && blobs.has(imageId) && !present.includes(undefined);
  const content = isWhole ? blobs.get(imageId) : await fetchConfig(pull.repository, manifest);
  const file = parseImageConfig(content);
  if (file.os !== undefined && file.os !== '' && file.os !== 'linux') {
    const reason = 'cannot be used on this platform: operating system is not supported';
    throw fail('invalid-argument', `image operating system "${file.os}" ${reason}`);
  }
  checkDepth(file.rootfs.diff_ids);
  const chain = isWhole
    ? present.filter((layer) => layer !== undefined)
    : await pullLayers(pull, file.rootfs.diff_ids, descriptors, held, joined);
  return { id: imageId, content, file, layers: chain, references: [], manifest };
}

/** Pulls one tag or digest; says whether the name means something new now. */
async function pullOne(pull: Pull, reference: ImageReference): Promise<boolean> {
  const { options, repository, report } = pull;
  const asked = reference.digest ?? reference.tag ?? 'latest';
  const fetched = await repository.manifest(asked);
  const path = reference.name.slice(reference.name.indexOf('/') + 1);
  report({ status: `Pulling from ${path}`, id: asked });
  const manifest = await resolveManifest(repository, fetched, pull.platform, formatReference(reference));
  const held: string[] = [];
  const joined: Transfer[] = [];
  try {
    const { artifactType } = manifest.record;
    const made =
      artifactType === undefined
        ? await pullImage(pull, manifest, held, joined)
        : await pullArtifact(pull, manifest, joined);
    pull.signal.throwIfAborted();
    const canonical = { name: reference.name, digest: manifest.digest };
    const named = reference.digest === undefined ? reference : canonical;
    const isNew = options.catalogue.references.get(formatReference(named))?.imageId !== made.id;
    const references = reference.digest === undefined ? [reference, canonical] : [canonical];
    await commitImages(options, [{ ...made, references }], 'pull');
    report({ status: `Digest: ${manifest.digest}` });
    return isNew;
  } finally {
    options.layers.release(held);
    await Promise.all(joined.map((transfer) => transfer.leave(report)));
  }
}

function announce(pull: Pull, target: ImageReference, isNew: boolean, platform: string | undefined): void {
  const { catalogue, events } = pull.options;
  const name = familiarReference(target);
  pull.report({ status: `Status: ${isNew ? 'Downloaded newer image' : 'Image is up to date'} for ${name}` });
  const imageId = catalogue.references.get(formatReference(target))?.imageId;
  const image = imageId === undefined ? undefined : catalogue.images.get(imageId);
  const attributes = { ...image?.config.Labels, name: familiarName(target.name) };
  events.publish({ type: 'image', action: 'pull', id: name, attributes });
  if (!platform || image === undefined || image.artifactType !== undefined || runsOn(image, pull.platform)) return;
  pull.report({ status: `WARNING: ${platformMismatch(name, image, pull.platform)}` });
}

async function pullTarget(pull: Pull, target: ImageReference, platform: string | undefined): Promise<void> {
  const isAllTags = target.tag === undefined && target.digest === undefined;
  if (!isAllTags) {
    const reference = target.digest === undefined ? target : { name: target.name, digest: target.digest };
    announce(pull, reference, await pullOne(pull, reference), platform);
    return;
  }
  const tags = await pull.repository.tags().catch((error: unknown) => {
    if (kindOf(error) !== 'not-found') throw error;
    throw fail('not-found', `repository ${familiarName(target.name)} not found: ${messageOf(error)}`, error);
  });
  let isNew = false;
  for (const tag of tags) isNew = (await pullOne(pull, { name: target.name, tag })) || isNew;
  announce(pull, target, isNew, platform);
}

/** The first line is waited for, so that what fails before it is thrown here. */
async function begun(messages: AsyncGenerator<ProgressMessage>): Promise<AsyncIterable<ProgressMessage>> {
  const first = await messages.next();
  async function* all(): AsyncGenerator<ProgressMessage> {
    try {
      if (first.done) return;
      yield first.value;
      yield* messages;
    } finally {
      await messages.return(undefined);
    }
  }
  return all();
}

/**
 * Fetches an image, or all of a repository's, from a registry; yields Docker's progress. What is wrong before anything came
 * is thrown at once. It ends when its reader goes away: layers that are complete, and the beginnings of others, stay for the
 * next pull.
 */
export async function pullImages(options: PullOptions, request: PullRequest): Promise<AsyncIterable<ProgressMessage>> {
  const target = targetOf(request);
  const platform = wantedPlatform(request.platform);
  const open = (signal: AbortSignal): Repository =>
    options.distribution.repository(target.name, { credentials: request.credentials, actions: 'pull', signal });
  const work = async (report: Report, abandoned: AbortSignal): Promise<void> => {
    const signal = AbortSignal.any([request.signal, abandoned]);
    const pull: Pull = { options, open, repository: open(signal), platform, signal, report };
    try {
      await pullTarget(pull, target, request.platform);
    } catch (error) {
      if (!signal.aborted || error instanceof EstibaError) throw error;
      throw fail('cancelled', 'context canceled', error);
    }
  };
  return begun(reporting(work));
}
