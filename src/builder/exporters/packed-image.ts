import type { Packing } from '#images';
import { parseImageConfig, printPlatform } from '#oci';
import { allEnded } from '#std/all-ended';
import { formatTime, nowNs } from '#std/time';
import { type Annotations, type Attributes, annotationsOf, booleanOf, epochOf, packingOf } from './attributes.ts';
import { assembleConfig } from './image-config.ts';
import { type ManifestLayer, makeIndex, makeManifest, type SmallBlob } from './manifest.ts';
import type { Export, ExportedOutput } from './parts.ts';

/** What all exporters of images understand. */
export interface ImageOptions {
  readonly packing: Packing;
  readonly epochSeconds: number | undefined;
  readonly rewritesTimes: boolean;
  /** Entries of the history that are later than `SOURCE_DATE_EPOCH` stay as they are. */
  readonly keepsHistory?: boolean;
  /** Undefined when it was not said. */
  readonly isOci: boolean | undefined;
  readonly attributes: Attributes;
}

/** Reads them; throws `invalid-argument` in BuildKit's words. */
export function imageOptionsOf(attributes: Attributes): ImageOptions {
  return {
    packing: packingOf(attributes),
    epochSeconds: epochOf(attributes),
    rewritesTimes: booleanOf(attributes, 'rewrite-timestamp') ?? false,
    isOci: booleanOf(attributes, 'oci-mediatypes'),
    attributes,
  };
}

/** How many layers of an image were its base's. */
function baseLayers({ baseConfig }: ExportedOutput): number {
  if (baseConfig === undefined) return 0;
  try {
    return parseImageConfig(baseConfig).rootfs.diff_ids.length;
  } catch {
    // One without `rootfs`: then all of it is this build's.
    return 0;
  }
}

/** How the layers of an output are packed: those of its base as they are, the others with the times that are asked for. */
export function packingsOf(output: ExportedOutput, options: ImageOptions): Packing[] {
  const { packing, epochSeconds, rewritesTimes } = options;
  const own =
    rewritesTimes && epochSeconds !== undefined ? { ...packing, modifiedLimitSeconds: epochSeconds } : packing;
  const ofBase = baseLayers(output);
  return output.chain.map((_, index) => (index < ofBase ? packing : own));
}

/** What an image consists of, of each platform, and what its name stands for. */
export interface PackedImage<L extends ManifestLayer> {
  readonly platforms: readonly {
    readonly layers: readonly L[];
    readonly config: SmallBlob;
    readonly manifest: SmallBlob;
  }[];
  readonly root: SmallBlob;
  readonly isIndex: boolean;
}

/** Makes configuration and manifest of an output out of its layers as they are packed. */
export function configOf(
  { parts, caches }: Pick<Export, 'parts' | 'caches'>,
  output: ExportedOutput,
  diffIds: readonly string[],
  { epochSeconds, keepsHistory = false }: ImageOptions,
): ReturnType<typeof assembleConfig> {
  const held = parts.builds.hold(output.chain) ?? [];
  parts.builds.release(held.map(({ chainId }) => chainId));
  const layers = diffIds.map((diffId, index) => {
    const createdAt = held[index]?.createdAt;
    return createdAt === undefined ? { diffId } : { diffId, createdAt };
  });
  return assembleConfig({
    config: output.config,
    platform: output.platform,
    layers,
    epochSeconds,
    keepsHistory,
    inlineCache: caches.inline(output),
    description: output.edge?.vertex.name ?? '',
  });
}

/** Packs all outputs, by `pack`, into an image of one platform, or an index of several. */
export async function packImage<L extends ManifestLayer>(
  request: Export,
  options: ImageOptions,
  usual: { readonly isOci: boolean; readonly label?: string },
  pack: (output: ExportedOutput, packings: readonly Packing[]) => Promise<readonly L[]>,
): Promise<PackedImage<L>> {
  const { outputs, result, vertex } = request;
  const annotations: Annotations = annotationsOf(options.attributes, result.metadata);
  const isOci = options.isOci ?? (usual.isOci || !annotations.isEmpty);
  if (!isOci && !annotations.isEmpty) {
    vertex.warn('annotations are not part of Docker media types: use oci-mediatypes=true');
  }
  const packed = await vertex.step(usual.label ?? 'exporting layers', () =>
    allEnded(outputs.map(async (output) => ({ output, layers: await pack(output, packingsOf(output, options)) }))),
  );
  const platforms: PackedImage<L>['platforms'][number][] = [];
  for (const { output, layers } of packed) {
    const diffIds = layers.map(({ diffId }) => diffId);
    const { content } = configOf(request, output, diffIds, options);
    const made = makeManifest({ config: content, layers, platform: output.platform, isOci, annotations });
    await vertex.step(`exporting manifest ${made.manifest.descriptor.digest}`, async () => undefined);
    await vertex.step(`exporting config ${made.config.descriptor.digest}`, async () => undefined);
    platforms.push({ ...made, layers });
  }
  const [single] = platforms;
  if (single !== undefined && platforms.length === 1 && !result.isMultiPlatform) {
    return { platforms, root: single.manifest, isIndex: false };
  }
  const root = makeIndex(
    platforms.map(({ manifest }) => manifest),
    isOci,
    annotations,
  );
  await vertex.step(`exporting manifest list ${root.descriptor.digest}`, async () => undefined);
  return { platforms, root, isIndex: true };
}

/** What BuildKit answers of an image. */
export function imageResponse(
  { root, platforms, isIndex }: PackedImage<ManifestLayer>,
  { epochSeconds }: ImageOptions,
  names: string,
): Record<string, string> {
  const createdNs = epochSeconds === undefined ? nowNs() : BigInt(epochSeconds) * 1_000_000_000n;
  const created = formatTime(createdNs - (createdNs % 1_000_000_000n));
  const { platform: _, annotations, ...descriptor } = root.descriptor;
  const described = {
    ...descriptor,
    annotations: {
      ...annotations,
      'org.opencontainers.image.created': annotations?.['org.opencontainers.image.created'] ?? created,
    },
  };
  const config = isIndex ? undefined : platforms[0]?.config.descriptor.digest;
  return {
    'containerimage.digest': descriptor.digest,
    'containerimage.descriptor': Buffer.from(JSON.stringify(described)).toString('base64'),
    ...(config !== undefined && { 'containerimage.config.digest': config }),
    ...(names !== '' && { 'image.name': names }),
  };
}

/** How platforms are named in progress. */
export function platformNames(outputs: readonly ExportedOutput[]): string {
  return outputs.map(({ platform }) => printPlatform(platform)).join(', ');
}
