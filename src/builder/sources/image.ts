import type { ProgressMessage } from '#api';
import type { BaseImages, BuildLayers } from '#images';
import { type Platform, parseReference, printPlatform } from '#oci';
import type { BuildCache } from '../cache/build-cache.ts';
import { canonicalDigest } from '../graph/canonical.ts';
import type { SourceOperation } from '../graph/operation.ts';
import { credentialsOf } from '../session/credentials.ts';
import type { BuildContext, StepRun } from '../solver/types.ts';
import type { ImageSource, PinnedSource, ResolvedImage, SourceKind } from './types.ts';

/** What images are found with. */
export interface ImageParts {
  readonly bases: BaseImages;
  readonly layers: Pick<BuildLayers, 'hold' | 'release'>;
  /** Keeps what was fetched. */
  readonly cache: Pick<BuildCache, 'add' | 'find'>;
  /** Who knows names that begin with `oci-layout://`. */
  readonly layouts: ImageSource;
}

const scheme = 'docker-image://';

/** The key of layers: what stands on the same files is the same, wherever they came from. */
export function chainKey(chain: readonly string[]): string {
  return canonicalDigest({ layers: chain.at(-1) ?? '' });
}

/** So many images of registries are remembered. */
const knownMax = 200;

/** What digests stand for never changes: a registry is asked for it once. */
class KnownImages {
  readonly #images = new Map<string, ResolvedImage>();

  #keyOf(reference: string, platform: Platform): string {
    return `${reference} ${printPlatform(platform)}`;
  }

  get(reference: string, platform: Platform): ResolvedImage | undefined {
    return this.#images.get(this.#keyOf(reference, platform));
  }

  add(image: ResolvedImage): void {
    this.#images.set(this.#keyOf(image.reference, image.platform), image);
    const [oldest] = this.#images.keys();
    if (this.#images.size > knownMax && oldest !== undefined) this.#images.delete(oldest);
  }
}

async function resolve(
  { bases }: ImageParts,
  known: KnownImages,
  reference: string,
  platform: Platform,
  context: BuildContext,
  mode = context.imageResolveMode,
): Promise<ResolvedImage> {
  const here = mode === 'pull' ? undefined : bases.local(reference, platform);
  if (here !== undefined) return { ...here, platform };
  const remembered = known.get(reference, platform);
  if (remembered !== undefined) return remembered;
  const credentials = await credentialsOf(context, parseReference(reference).name);
  const { signal } = context;
  const image = { ...(await bases.remote({ reference, platform, credentials, signal })), platform };
  // Under its digest: what a name stands for may change.
  known.add(image);
  return image;
}

/** The progress of a pull as BuildKit shows it: what is downloaded under the layer's name, then what is unpacked. */
function tellPull(run: StepRun, { id, status, progressDetail }: ProgressMessage): void {
  if (id === undefined) return;
  const { current = 0, total = 0 } = (progressDetail ?? {}) as { current?: number; total?: number };
  if (status === 'Downloading') run.onStatus({ id: `sha256:${id}`, current, total });
  else if (status === 'Download complete') run.onStatus({ id: `sha256:${id}`, current: total, total, isDone: true });
  else if (status === 'Extracting') run.onStatus({ id: `extracting sha256:${id}`, current, total });
  else if (status === 'Pull complete') {
    run.onStatus({ id: `extracting sha256:${id}`, current: total, total, isDone: true });
  }
}

async function fetch(parts: ImageParts, image: ResolvedImage, run: StepRun): Promise<readonly string[]> {
  const { reference, platform } = image;
  const credentials = await credentialsOf(run.context, parseReference(reference).name);
  const request = { reference, platform, credentials, signal: run.signal };
  const id = `resolve ${reference}`;
  run.onStatus({ id, current: 0, total: 0, isDone: true });
  const chain = await parts.bases.fetch(request, (message) => tellPull(run, message));
  keep(parts, image, chain);
  return chain;
}

/** No image is made of what is fetched to build on: a record keeps it. */
function keep({ layers, cache }: ImageParts, { reference }: ResolvedImage, chain: readonly string[]): void {
  const key = chainKey(chain);
  const held = layers.hold(chain);
  if (held === undefined) return;
  const nowMs = Date.now();
  const own = held.map(({ chainId, sizeBytes }) => ({ chainId, sizeBytes }));
  const record = {
    id: key,
    outputs: [{ key, chain }],
    aliases: [],
    parents: [],
    layers: own,
    description: `pulled from ${reference}`,
    createdMs: nowMs,
    lastUsedMs: nowMs,
    usageCount: 1,
  };
  cache.add(record).release();
}

function pinned(parts: ImageParts, image: ResolvedImage): PinnedSource {
  const { layers } = parts;
  const { chain } = image;
  /** Looked at now: later they may be gone. */
  const isHere = layers.hold(chain) !== undefined;
  let held = isHere ? chain : undefined;
  const release = (): void => {
    if (held !== undefined) layers.release(held);
    held = undefined;
  };
  return {
    key: async () => chainKey(chain),
    rest: isHere ? 'known' : 'work',
    async materialise(run) {
      const mine = held ?? (await fetch(parts, image, run));
      held = undefined;
      return { result: { kind: 'layers', chain: mine }, release: () => layers.release(mine) };
    },
    release,
  };
}

function modeOf({ attributes }: SourceOperation): BuildContext['imageResolveMode'] | undefined {
  const mode = attributes['image.resolvemode'];
  return mode === 'pull' || mode === 'local' || mode === 'default' ? mode : undefined;
}

/** Images of this engine and of registries, by name. */
export function createImageSource(parts: ImageParts): ImageSource & SourceKind {
  const known = new KnownImages();
  return {
    resolve: (reference, platform, context, mode) =>
      reference.startsWith('oci-layout://')
        ? parts.layouts.resolve(reference, platform, context, mode)
        : resolve(parts, known, reference, platform, context, mode),
    async pin(operation, platform, run) {
      const reference = operation.identifier.slice(scheme.length);
      return pinned(parts, await resolve(parts, known, reference, platform, run.context, modeOf(operation)));
    },
  };
}
