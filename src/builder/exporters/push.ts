import type { Repository } from '#distribution';
import type { PackedLayer, Packing, PushedLayer } from '#images';
import { formatReference } from '#oci';
import { fail, kindOf, messageOf } from '#std/errors';
import { credentialsOf } from '../session/credentials.ts';
import type { TargetName } from './attributes.ts';
import type { ManifestLayer, SmallBlob } from './manifest.ts';
import { type ImageOptions, imageResponse, type PackedImage, packImage } from './packed-image.ts';
import type { Export, ExportedOutput } from './parts.ts';

async function* only(content: Uint8Array): AsyncGenerator<Uint8Array> {
  if (content.length > 0) yield content;
}

/** Sees to it that a repository has a small blob. */
export async function uploadSmall(repository: Repository, { descriptor, content }: SmallBlob): Promise<void> {
  const { digest, size } = descriptor;
  if ((await repository.headBlob(digest)) !== undefined) return;
  await repository.uploadBlob({ digest, sizeBytes: size, open: () => only(content) });
}

/** A repository as the build's clients may reach it. */
export async function repositoryOf(
  { parts, context }: { readonly parts: Pick<Export['parts'], 'distribution'>; readonly context: Export['context'] },
  name: string,
  actions: 'pull' | 'push',
): Promise<Repository> {
  const credentials = await credentialsOf(context, name);
  return parts.distribution.repository(name, { credentials, actions, signal: context.signal });
}

/** Pushes the layers of an output, neighbours that are packed alike together; in their order. */
async function pushLayers(
  { parts, context }: Export,
  repository: Repository,
  { chain }: ExportedOutput,
  packings: readonly Packing[],
): Promise<PushedLayer[]> {
  const split = packings.findIndex(({ modifiedLimitSeconds }) => modifiedLimitSeconds !== undefined);
  const parted = split === -1 ? [chain] : [chain.slice(0, split), chain.slice(split)];
  const pushed: PushedLayer[] = [];
  for (const part of parted) {
    const packing = packings[pushed.length];
    if (packing === undefined) continue;
    pushed.push(...(await parts.builds.push(part, { repository, packing, signal: context.signal })));
  }
  return pushed;
}

async function pushRoot(repository: Repository, image: PackedImage<ManifestLayer>, tag: string): Promise<void> {
  for (const { config, manifest } of image.platforms) {
    await uploadSmall(repository, config);
    const { digest, mediaType } = manifest.descriptor;
    if (image.isIndex) await repository.putManifest(digest, mediaType, manifest.content);
  }
  const { mediaType } = image.root.descriptor;
  await repository.putManifest(tag, mediaType, image.root.content);
}

/** Packs an image once for several repositories, and sends its layers to each of them. */
async function pushToEach(
  request: Export,
  options: ImageOptions,
  repositories: readonly Repository[],
): Promise<PackedImage<ManifestLayer>> {
  const { builds } = request.parts;
  const packed: PackedLayer[] = [];
  try {
    return await packImage(request, options, { isOci: false, label: 'pushing layers' }, async ({ chain }, packings) => {
      const layers: PackedLayer[] = [];
      for (const [index, chainId] of chain.entries()) {
        const layer = await builds.pack(chainId, packings[index] ?? options.packing, request.context.signal);
        packed.push(layer);
        layers.push(layer);
        for (const repository of repositories) await uploadLayer(repository, layer);
      }
      return layers;
    });
  } finally {
    for (const layer of packed) await layer.discard();
  }
}

async function uploadLayer(repository: Repository, { digest, sizeBytes, read }: PackedLayer): Promise<void> {
  if ((await repository.headBlob(digest)) !== undefined) return;
  await repository.uploadBlob({ digest, sizeBytes, open: read });
}

/** Sends an image, of one platform or of several, to the registries of its names. */
export async function pushImage(
  request: Export,
  options: ImageOptions,
  names: readonly TargetName[],
  isByDigest: boolean,
): Promise<Record<string, string>> {
  try {
    return await push(request, options, names, isByDigest);
  } catch (error) {
    const [first] = names;
    if (first === undefined || request.context.signal.aborted) throw error;
    throw fail(kindOf(error), `failed to push ${first.shown}: ${messageOf(error)}`, error);
  }
}

async function push(
  request: Export,
  options: ImageOptions,
  names: readonly TargetName[],
  isByDigest: boolean,
): Promise<Record<string, string>> {
  const places = new Map<string, Repository>();
  for (const { reference } of names) {
    if (!places.has(reference.name)) places.set(reference.name, await repositoryOf(request, reference.name, 'push'));
  }
  const [first, ...others] = places.values();
  if (first === undefined) throw fail('invalid-argument', 'tag is needed when pushing to registry');
  const image: PackedImage<ManifestLayer> =
    others.length > 0
      ? await pushToEach(request, options, [first, ...others])
      : await packImage(request, options, { isOci: false, label: 'pushing layers' }, (output, packings) =>
          pushLayers(request, first, output, packings),
        );
  const { digest } = image.root.descriptor;
  for (const { reference } of names) {
    const repository = places.get(reference.name) ?? first;
    const [tag, place] = isByDigest
      ? [digest, `${reference.name}@${digest}`]
      : [reference.tag ?? digest, `${formatReference(reference)}@${digest}`];
    await request.vertex.step(`pushing manifest for ${place}`, () => pushRoot(repository, image, tag));
  }
  return imageResponse(image, options, names.map(({ shown }) => shown).join(','));
}
