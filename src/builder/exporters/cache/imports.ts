import type { Repository } from '#distribution';
import type { BuildLayers, Images } from '#images';
import {
  chainIdOf,
  type Descriptor,
  digestOf,
  formatReference,
  hostPlatform,
  isIndexType,
  parseImageConfig,
  parseIndex,
  parseManifest,
  parseReference,
  withDefaultTag,
} from '#oci';
import { fail, kindOf, messageOf } from '#std/errors';
import { log } from '#std/log';
import type { CacheImport } from '../../solver/types.ts';
import type { BuildContext, Builder, CacheExportRequest } from '../../types.ts';
import type { ExporterParts } from '../parts.ts';
import { inVertex } from '../progress.ts';
import { repositoryOf } from '../push.ts';
import { firstSession } from '../sessions.ts';
import { type CacheIndex, type CacheLayer, cacheConfigType, readCacheConfig, readInlineCache } from './config.ts';

type Parts = Pick<ExporterParts, 'builds' | 'distribution'> & { readonly bases: Pick<Images['bases'], 'local'> };

/** A place that a cache is read from. */
interface CacheSource {
  readonly name: string;
  manifest(digest?: string): Promise<{ readonly mediaType: string | undefined; readonly content: Uint8Array }>;
  blob(descriptor: Descriptor): AsyncIterable<Uint8Array>;
}

/** What is read into memory of another place is no larger. */
const smallLimitBytes = 64 * 1024 * 1024;
/** Of an index so many images are looked into. */
const imagesLimit = 16;

async function readAll(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of source) {
    sizeBytes += chunk.length;
    if (sizeBytes > smallLimitBytes)
      throw fail('invalid-argument', 'a manifest or configuration of a cache is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function readBlob(source: CacheSource, descriptor: Descriptor): Promise<Buffer> {
  const content = await readAll(source.blob(descriptor));
  if (digestOf(content) !== descriptor.digest) throw fail('invalid-argument', `${descriptor.digest} is damaged`);
  return content;
}

/** What a manifest of any kind leads to: a cache, an image with one in its configuration, or an index of such. */
async function readIndexes(source: CacheSource, digest?: string): Promise<CacheIndex[]> {
  const { mediaType, content } = await source.manifest(digest);
  const type = mediaType ?? (JSON.parse(Buffer.from(content).toString()) as { mediaType?: string }).mediaType;
  if (isIndexType(type)) {
    const { manifests } = parseIndex(content);
    const config = manifests.find((child) => child.mediaType === cacheConfigType);
    if (config !== undefined) return [readCacheConfig(await readBlob(source, config), manifests)];
    if (digest !== undefined && manifests.every((child) => isIndexType(child.mediaType))) return [];
    const found: CacheIndex[] = [];
    for (const child of manifests.slice(0, imagesLimit)) {
      if (!isIndexType(child.mediaType)) found.push(...(await readIndexes(source, child.digest)));
    }
    return found;
  }
  const { config, layers } = parseManifest(content);
  const described = await readBlob(source, config);
  if (config.mediaType === cacheConfigType) return [readCacheConfig(described, layers)];
  const inline = readInlineCache(described, layers);
  return inline === undefined ? [] : [inline];
}

async function registrySource(
  parts: Parts,
  attributes: CacheExportRequest['attributes'],
  context: BuildContext,
): Promise<CacheSource> {
  const reference = withDefaultTag(parseReference(attributes.ref ?? ''));
  const repository: Repository = await repositoryOf({ parts, context }, reference.name, 'pull');
  return {
    name: attributes.ref ?? '',
    async manifest(digest) {
      const { descriptor, content } = await repository.manifest(digest ?? reference.digest ?? reference.tag ?? '');
      return { mediaType: descriptor.mediaType, content };
    },
    blob: (descriptor) => repository.blob(descriptor),
  };
}

function localSource(attributes: CacheExportRequest['attributes'], context: BuildContext): CacheSource {
  const { src = '', digest: rootDigest = '' } = attributes;
  const store = firstSession(context).contentStore(`local:${src}`);
  return {
    name: `local:${rootDigest}`,
    async manifest(digest = rootDigest) {
      const content = await readAll(store.read(digest, context.signal));
      if (digestOf(content) !== digest) throw fail('invalid-argument', `${digest} is damaged`);
      return { mediaType: undefined, content };
    },
    blob: ({ digest }) => store.read(digest, context.signal),
  };
}

type WantedLayer = Omit<CacheLayer, 'id'>;

/** Brings layers of a cache here, those that are not yet; what it gives is held. */
class LayerFetcher {
  readonly #coming = new Map<string, Promise<unknown>>();

  constructor(
    readonly builds: BuildLayers,
    readonly source: CacheSource,
  ) {}

  async fetch(layers: readonly WantedLayer[], signal: AbortSignal): Promise<readonly string[]> {
    const chain: string[] = [];
    for (const { diffId } of layers) chain.push(chainIdOf(chain.at(-1), diffId));
    for (;;) {
      const present = this.#holdPresent(chain);
      if (present === chain.length) return chain;
      const missing = chain.slice(present);
      const coming = missing.flatMap((id) => this.#coming.get(id) ?? [])[0];
      try {
        if (coming !== undefined) await coming.catch(() => undefined);
        else return await this.#bring(layers, chain, present, signal);
      } catch (error) {
        this.builds.release(chain.slice(0, present));
        throw error;
      }
      // Somebody else has brought some of it: once more.
      this.builds.release(chain.slice(0, present));
      signal.throwIfAborted();
    }
  }

  /** Holds as much of a chain as is there, from the base up; gives how many. */
  #holdPresent(chain: readonly string[]): number {
    for (let length = chain.length; length > 0; length--) {
      if (this.builds.hold(chain.slice(0, length)) !== undefined) return length;
    }
    return 0;
  }

  async #bring(
    layers: readonly WantedLayer[],
    chain: readonly string[],
    present: number,
    signal: AbortSignal,
  ): Promise<readonly string[]> {
    const tars = layers.slice(present).map(({ digest, mediaType, sizeBytes, diffId, createdAt }) => ({
      read: () => this.source.blob({ digest, mediaType, size: sizeBytes }),
      diffId,
      ...(createdAt !== undefined && { createdAt }),
    }));
    const work = this.builds.adoptTars(tars, chain.slice(0, present), signal);
    const missing = chain.slice(present);
    for (const id of missing) this.#coming.set(id, work);
    try {
      await work;
      return chain;
    } finally {
      for (const id of missing) this.#coming.delete(id);
    }
  }
}

function importOf(builds: BuildLayers, source: CacheSource, indexes: readonly CacheIndex[]): CacheImport {
  const fetcher = new LayerFetcher(builds, source);
  return {
    name: source.name,
    async find(key, signal) {
      const layers = indexes.map((index) => index.get(key)).find((found) => found !== undefined);
      if (layers === undefined) return undefined;
      try {
        return { kind: 'layers', chain: await fetcher.fetch(layers, signal) };
      } catch (error) {
        // It is done anew then.
        signal.throwIfAborted();
        log('warn', 'what a cache has could not be had', { cache: source.name, error: messageOf(error) });
        return undefined;
      }
    },
  };
}

/** The cache in an image that is here, if it has one: its layers are here too, and no registry is asked. */
function localImport({ builds, bases }: Parts, ref: string): CacheImport | undefined {
  const image = bases.local(ref, hostPlatform());
  if (image === undefined) return undefined;
  const layers = parseImageConfig(image.config).rootfs.diff_ids.map((digest) => ({ mediaType: '', digest, size: 0 }));
  const index = readInlineCache(image.config, layers);
  const gone = (): never => {
    throw fail('not-found', `the image ${ref} is gone`);
  };
  return importOf(builds, { name: ref, manifest: async () => gone(), blob: gone }, index === undefined ? [] : [index]);
}

async function open(parts: Parts, request: CacheExportRequest, context: BuildContext): Promise<CacheImport> {
  const { type, attributes } = request;
  if (type !== 'registry' && type !== 'local') throw fail('invalid-argument', `unknown cache importer: ${type}`);
  const local = type === 'registry' ? localImport(parts, attributes.ref ?? '') : undefined;
  if (local !== undefined) {
    return inVertex(context.onProgress, `importing cache manifest from ${local.name}`, async () => local);
  }
  const source =
    type === 'registry' ? await registrySource(parts, attributes, context) : localSource(attributes, context);
  return inVertex(context.onProgress, `importing cache manifest from ${source.name}`, async () => {
    const indexes = await readIndexes(source).catch((error: unknown) => {
      if (type === 'local' || context.signal.aborted) throw error;
      const reference = withDefaultTag(parseReference(source.name));
      const isMissing = kindOf(error) === 'not-found';
      const reason = isMissing ? `${formatReference(reference)}: not found` : messageOf(error);
      throw fail(kindOf(error), `failed to configure registry cache importer: ${reason}`, error);
    });
    return importOf(parts.builds, source, indexes);
  });
}

/** Opens caches of other places (`--cache-from`); one that cannot be read is told of in the progress, and left out. */
export function createCacheImporter(parts: Parts): Builder['importCaches'] {
  return async (requests, context) => {
    const unknown = requests.find(({ type }) => type !== 'registry' && type !== 'local' && type !== 'inline');
    if (unknown !== undefined) throw fail('invalid-argument', `unknown cache importer: ${unknown.type}`);
    const works = await Promise.allSettled(
      requests.filter(({ type }) => type !== 'inline').map((request) => open(parts, request, context)),
    );
    context.signal.throwIfAborted();
    return works.flatMap((work) => {
      if (work.status === 'fulfilled') return [work.value];
      log('info', 'a cache cannot be used', { error: messageOf(work.reason) });
      return [];
    });
  };
}
