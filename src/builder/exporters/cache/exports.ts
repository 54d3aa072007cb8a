import { type Descriptor, mediaTypes, parseReference, withDefaultTag } from '#oci';
import { fail, messageOf } from '#std/errors';
import { log } from '#std/log';
import type { CacheableResult } from '../../solver/types.ts';
import type { BuildContext, CacheExportRequest } from '../../types.ts';
import { booleanOf, packingOf } from '../attributes.ts';
import { layerType, type SmallBlob, smallBlob } from '../manifest.ts';
import type { ExportedOutput, ExporterParts } from '../parts.ts';
import { type ExportVertex, inVertex } from '../progress.ts';
import { repositoryOf, uploadSmall } from '../push.ts';
import { firstSession } from '../sessions.ts';
import { type CacheLayer, cacheConfigType, makeCacheConfig, makeInlineCache } from './config.ts';
import type { CacheExports } from './types.ts';

type Attributes = CacheExportRequest['attributes'];
type Parts = Pick<ExporterParts, 'builds' | 'distribution' | 'solver'>;

/** A place that a cache is written to: layers first, then what names them. */
interface CachePlace {
  readonly name: string;
  layers(chain: readonly string[]): Promise<CacheLayer[]>;
  small(blob: SmallBlob): Promise<void>;
  root(blob: SmallBlob): Promise<void>;
}

interface CacheOptions {
  readonly isMax: boolean;
  readonly isOci: boolean;
  readonly isImageManifest: boolean;
  readonly ignoresErrors: boolean;
}

function cacheOptionsOf(attributes: Attributes): CacheOptions {
  const { mode = 'min' } = attributes;
  if (mode !== 'min' && mode !== 'max') throw fail('invalid-argument', `unknown cache export mode: ${mode}`);
  packingOf(attributes);
  const isOci = booleanOf(attributes, 'oci-mediatypes') ?? true;
  const isImageManifest = booleanOf(attributes, 'image-manifest') ?? isOci;
  if (isImageManifest && !isOci) {
    throw fail(
      'invalid-argument',
      'invalid configuration for remote cache: OCI mediatypes are required for image-manifest cache format',
    );
  }
  return {
    isMax: mode === 'max',
    isOci,
    isImageManifest,
    ignoresErrors: booleanOf(attributes, 'ignore-error') ?? false,
  };
}

async function registryPlace(parts: Parts, attributes: Attributes, context: BuildContext): Promise<CachePlace> {
  const reference = withDefaultTag(parseReference(attributes.ref ?? ''));
  const repository = await repositoryOf({ parts, context }, reference.name, 'push');
  const packing = packingOf(attributes);
  return {
    name: 'exporting cache to registry',
    async layers(chain) {
      const pushed = await parts.builds.push(chain, { repository, packing, signal: context.signal });
      return pushed.map((layer, index) => ({ ...layer, id: chain[index] ?? '' }));
    },
    small: (blob) => uploadSmall(repository, blob),
    root: ({ descriptor, content }) =>
      repository.putManifest(reference.tag ?? descriptor.digest, descriptor.mediaType, content),
  };
}

function localPlace(parts: Parts, attributes: Attributes, context: BuildContext): CachePlace {
  const store = firstSession(context).contentStore(`local:${attributes.dest ?? ''}`);
  const packing = packingOf(attributes);
  const { signal } = context;
  const small = async ({ descriptor, content }: SmallBlob): Promise<void> => {
    const bytes = async function* (): AsyncGenerator<Uint8Array> {
      yield content;
    };
    await store.write({ digest: descriptor.digest, sizeBytes: content.length, content: bytes }, signal);
  };
  return {
    name: 'exporting cache to client directory',
    async layers(chain) {
      const written: CacheLayer[] = [];
      for (const id of chain) {
        const packed = await parts.builds.pack(id, packing, signal);
        try {
          const { diffId, mediaType, digest, sizeBytes } = packed;
          if ((await store.sizeBytes(digest, signal)) === undefined) {
            await store.write({ digest, sizeBytes, content: packed.read }, signal);
          }
          written.push({ id, diffId, mediaType, digest, sizeBytes });
        } finally {
          await packed.discard();
        }
      }
      return written;
    },
    small,
    root: small,
  };
}

/** The manifest of a cache: an image's, or an index of layers, as older BuildKits want it. */
function makeRoot(
  layers: readonly CacheLayer[],
  config: SmallBlob,
  { isOci, isImageManifest }: CacheOptions,
): SmallBlob {
  const described = layers.map(
    ({ mediaType, digest, sizeBytes, diffId }): Descriptor => ({
      mediaType: layerType(mediaType, isOci),
      digest,
      size: sizeBytes,
      annotations: { 'containerd.io/uncompressed': diffId },
    }),
  );
  const unique = [...new Map(described.map((descriptor) => [descriptor.digest, descriptor])).values()];
  const mediaType = isImageManifest ? mediaTypes.manifest : isOci ? mediaTypes.index : mediaTypes.dockerIndex;
  const body = isImageManifest
    ? { config: config.descriptor, layers: unique }
    : { manifests: [...unique, config.descriptor] };
  return smallBlob(mediaType, Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...body })));
}

/** With the time at which it was made: an image that is made of it elsewhere is the same then. */
function dated(builds: Parts['builds'], layer: CacheLayer): CacheLayer {
  const [held] = builds.hold([layer.id]) ?? [];
  if (held === undefined) return layer;
  builds.release([layer.id]);
  const { createdAt } = held;
  return createdAt === undefined ? layer : { ...layer, createdAt };
}

async function writeCache(
  { builds }: Parts,
  place: CachePlace,
  results: readonly CacheableResult[],
  options: CacheOptions,
  vertex: ExportVertex,
): Promise<Record<string, string>> {
  const chain = [...new Set(results.flatMap((result) => result.chain))];
  const layers = await vertex.step('preparing build cache for export', () => place.layers(chain));
  const known = new Map(layers.map((layer) => [layer.id, dated(builds, layer)]));
  const { config, used } = makeCacheConfig(results, known);
  for (const { digest } of used) await vertex.step(`writing layer ${digest}`, async () => undefined);
  const described = smallBlob(cacheConfigType, Buffer.from(JSON.stringify(config)));
  await vertex.step(`writing config ${described.descriptor.digest}`, () => place.small(described));
  const root = makeRoot(used, described, options);
  const kind = options.isImageManifest ? 'cache image manifest' : 'cache manifest';
  await vertex.step(`writing ${kind} ${root.descriptor.digest}`, () => place.root(root));
  return { 'cache.manifest': JSON.stringify(root.descriptor) };
}

/** Those whose layers are still there; whoever calls releases them. */
function holdResults({ builds }: Parts, results: readonly CacheableResult[]): CacheableResult[] {
  return results.filter(({ chain }) => chain.length > 0 && builds.hold(chain) !== undefined);
}

/** Results whose layers an image has anyway: `mode=min`. */
function within(results: readonly CacheableResult[], outputs: readonly ExportedOutput[]): CacheableResult[] {
  const chainIds = new Set(outputs.flatMap(({ chain }) => chain));
  return results.filter(({ chain }) => chain.every((chainId) => chainIds.has(chainId)));
}

/** What `--cache-to` asks for. Throws at once for a kind that is not known, or an attribute that is wrong. */
export function openCacheExports(parts: Parts, requests: readonly CacheExportRequest[]) {
  for (const { type, attributes } of requests) {
    if (!['inline', 'registry', 'local'].includes(type)) {
      throw fail('invalid-argument', `unknown cache exporter: "${type}"`);
    }
    if (type === 'inline') continue;
    cacheOptionsOf(attributes);
    if (type === 'registry' && (attributes.ref ?? '') === '') {
      throw fail('invalid-argument', 'ref is required for registry cache exporter');
    }
    if (type === 'local' && (attributes.dest ?? '') === '') {
      throw fail('invalid-argument', 'local cache exporter requires dest');
    }
  }
  const isInline = requests.some(({ type }) => type === 'inline');

  const resultsOf = (outputs: readonly ExportedOutput[], context: BuildContext): readonly CacheableResult[] =>
    parts.solver.cacheable(
      outputs.flatMap(({ edge }) => edge ?? []),
      context,
    );

  async function runOne(
    { type, attributes }: CacheExportRequest,
    outputs: readonly ExportedOutput[],
    context: BuildContext,
  ): Promise<Record<string, string>> {
    const options = cacheOptionsOf(attributes);
    const place =
      type === 'registry' ? await registryPlace(parts, attributes, context) : localPlace(parts, attributes, context);
    const all = resultsOf(outputs, context);
    const held = holdResults(parts, options.isMax ? all : within(all, outputs));
    try {
      return await inVertex(context.onProgress, place.name, (vertex) =>
        writeCache(parts, place, held, options, vertex),
      );
    } catch (error) {
      if (!options.ignoresErrors) throw error;
      log('warn', 'a cache was not exported', { type, error: messageOf(error) });
      return {};
    } finally {
      for (const { chain } of held) parts.builds.release(chain);
    }
  }

  return {
    /** Beside images, in their configurations. */
    prepare(outputs: readonly ExportedOutput[], context: BuildContext): CacheExports {
      if (!isInline) return { inline: () => undefined };
      const results = resultsOf(outputs, context);
      return { inline: ({ chain }) => makeInlineCache(results, chain) };
    },
    async run(outputs: readonly ExportedOutput[], context: BuildContext): Promise<Record<string, string>> {
      let response: Record<string, string> = {};
      for (const request of requests) {
        if (request.type !== 'inline') response = { ...response, ...(await runOne(request, outputs, context)) };
      }
      return response;
    },
  };
}
