import type { ProgressMessage } from '#api';
import type { Distribution, RegistryCredentials } from '#distribution';
import type { Events } from '#events';
import {
  familiarName,
  familiarReference,
  formatReference,
  type ImageReference,
  isTag,
  type Platform,
  parseReference,
  withDefaultTag,
} from '#oci';
import { fail, kindOf } from '#std/errors';
import type { Slots } from '#std/slots';
import type { Blobs, Records, Snapshots } from '#store';
import type { BlobSources } from '../blob-sources.ts';
import type { Catalogue, StoredImage } from '../catalogue.ts';
import type { Layers } from '../layers.ts';
import { type Report, reporting } from '../progress.ts';
import { noSuchTag, type PushTarget, pushTag } from './tag.ts';

export interface PushOptions {
  readonly records: Pick<Records, 'transaction'>;
  readonly catalogue: Catalogue;
  readonly blobs: Blobs;
  readonly snapshots: Snapshots;
  readonly layers: Layers;
  readonly blobSources: BlobSources;
  readonly events: Events;
  readonly distribution: Distribution;
  readonly uploads: Slots;
}

export interface PushRequest {
  readonly name: string;
  /** Without one, all tags of the repository. */
  readonly tag?: string;
  readonly platform?: Platform;
  readonly credentials: RegistryCredentials;
  readonly signal: AbortSignal;
}

/** The name that is pushed; throws `invalid-argument`. */
function referenceOf({ name, tag }: PushRequest): ImageReference {
  const reference = parseReference(name);
  if (tag === undefined || tag === '') return reference;
  if (reference.digest !== undefined) throw fail('invalid-argument', 'cannot import digest reference');
  if (!isTag(tag)) throw fail('invalid-argument', 'invalid tag format');
  return { name: reference.name, tag };
}

/** The images to send, with the tags that are to name them. */
function imagesOf({ catalogue }: PushOptions, reference: ImageReference) {
  const ofRepository = [...catalogue.references.all()]
    .map(({ id, imageId }) => ({ reference: parseReference(id), imageId }))
    .filter((known) => known.reference.name === reference.name);
  const shown = familiarName(reference.name);
  if (ofRepository.length === 0) {
    throw fail('not-found', `An image does not exist locally with the tag: ${shown}`);
  }
  if (reference.digest !== undefined) throw fail('invalid-argument', 'cannot push a digest reference');
  const wanted = ofRepository.filter((known) =>
    reference.tag === undefined ? known.reference.tag !== undefined : known.reference.tag === reference.tag,
  );
  const found = wanted.flatMap((known) => {
    const image = catalogue.images.get(known.imageId);
    return image === undefined ? [] : [{ reference: known.reference, image }];
  });
  if (found.length > 0) {
    return found.sort((one, other) => (formatReference(one.reference) < formatReference(other.reference) ? -1 : 1));
  }
  if (reference.tag !== undefined) throw noSuchTag(reference);
  throw fail('not-found', `no tags to push for ${shown}`);
}

function labelsOf({ catalogue }: PushOptions, reference: ImageReference): StoredImage['config']['Labels'] {
  try {
    return catalogue.find(formatReference(reference)).config.Labels;
  } catch (error) {
    if (kindOf(error) === 'not-found') return undefined;
    throw error;
  }
}

async function push(
  options: PushOptions,
  request: PushRequest,
  reference: ImageReference,
  report: Report,
  abandoned: AbortSignal,
): Promise<void> {
  const { distribution, events, uploads } = options;
  const { credentials, platform } = request;
  const { name } = reference;
  report({ status: `The push refers to repository [${name}]` });
  const images = imagesOf(options, reference);
  const own = new AbortController();
  const signal = AbortSignal.any([request.signal, abandoned, own.signal]);
  const target: PushTarget = {
    ...options,
    repository: distribution.repository(name, { credentials, actions: 'push', signal }),
    slots: uploads,
    report,
    signal,
    isOnePlatform: platform !== undefined,
    cancel: (reason) => own.abort(reason),
  };
  for (const { image, reference: tagged } of images) await pushTag(target, image, tagged);
  const attributes = { ...labelsOf(options, reference), name: familiarName(name) };
  events.publish({ type: 'image', action: 'push', id: familiarReference(reference), attributes });
}

/**
 * Sends images to their registry (`docker push`). A name or platform that is wrong is thrown at once; what fails later ends
 * the progress. When its reader goes away the push ends.
 */
export function pushImages(options: PushOptions, request: PushRequest): AsyncIterable<ProgressMessage> {
  const reference = referenceOf(request);
  if (request.platform !== undefined) {
    options.catalogue.find(familiarReference(withDefaultTag(reference)), request.platform);
  }
  return reporting((report, abandoned) => push(options, request, reference, report, abandoned));
}
