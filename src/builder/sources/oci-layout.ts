import type { BuildLayers } from '#images';
import {
  chainOf,
  type Descriptor,
  digestOf,
  isIndexType,
  type Platform,
  parseImageConfig,
  parseIndex,
  parseManifest,
  printPlatform,
  rankOnPlatform,
} from '#oci';
import { fail } from '#std/errors';
import type { SourceOperation } from '../graph/operation.ts';
import type { BuildSession, ContentStore } from '../session/session.ts';
import type { BuildContext, StepRun } from '../solver/types.ts';
import { chainKey } from './image.ts';
import type { ImageSource, PinnedSource, ResolvedImage, SourceKind } from './types.ts';

const scheme = 'oci-layout://';

/** No manifest and no configuration is larger. */
const documentLimitBytes = 16 * 1024 * 1024;
const nestingLimit = 4;

interface Layout {
  /** What the client calls the directory. */
  readonly store: string;
  readonly digest: string;
}

/** `oci-layout://STORE[:TAG]@DIGEST`. Throws `invalid-argument`. */
function layoutOf(reference: string): Layout {
  const [, store, digest] = /^(?:oci-layout:\/\/)?([^@]+?)(?::[\w.-]+)?@(sha256:[0-9a-f]{64})$/.exec(reference) ?? [];
  if (store === undefined || digest === undefined) {
    throw fail(
      'invalid-argument',
      `could not parse oci-layout reference ${JSON.stringify(reference)}: a digest is needed`,
    );
  }
  return { store, digest };
}

async function read(store: ContentStore, digest: string, signal: AbortSignal): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of store.read(digest, signal)) {
    bytes += chunk.length;
    if (bytes > documentLimitBytes) throw fail('invalid-argument', `${digest} of the OCI layout is too large`);
    chunks.push(chunk);
  }
  const content = Buffer.concat(chunks);
  if (digestOf(content) !== digest) throw fail('invalid-argument', `${digest} of the OCI layout is damaged`);
  return content;
}

/** The manifest that runs best on the platform. */
async function manifestOf(store: ContentStore, digest: string, platform: Platform, signal: AbortSignal) {
  let content = await read(store, digest, signal);
  for (let depth = 0; depth < nestingLimit; depth++) {
    const { mediaType } = JSON.parse(content.toString()) as { mediaType?: unknown };
    const isIndex = typeof mediaType === 'string' ? isIndexType(mediaType) : content.includes('"manifests"');
    if (!isIndex) return parseManifest(content);
    const ranked = parseIndex(content)
      .manifests.flatMap((manifest: Descriptor) => {
        const rank = manifest.platform === undefined ? 99 : rankOnPlatform(manifest.platform, platform);
        return rank === undefined ? [] : [{ manifest, rank }];
      })
      .sort((one, other) => one.rank - other.rank);
    const [best] = ranked;
    if (best === undefined) {
      throw fail('not-found', `no match for platform in manifest: ${printPlatform(platform)}: not found`);
    }
    content = await read(store, best.manifest.digest, signal);
  }
  throw fail('invalid-argument', `indexes lie too deep in ${digest}`);
}

async function open(reference: string, platform: Platform, sessions: readonly BuildSession[], signal: AbortSignal) {
  const { store: name, digest } = layoutOf(reference);
  for (const session of sessions) {
    const store = session.contentStore(`oci:${name}`);
    if ((await store.sizeBytes(digest, signal)) === undefined) continue;
    const manifest = await manifestOf(store, digest, platform, signal);
    const config = await read(store, manifest.config.digest, signal);
    const { rootfs } = parseImageConfig(config);
    const diffIds = rootfs.diff_ids;
    if (diffIds.length !== manifest.layers.length)
      throw fail('invalid-argument', `layers of ${reference} do not match`);
    return { store, digest, manifest, config, diffIds, chain: chainOf(diffIds) };
  }
  throw fail('not-found', `${reference}: not found`);
}

type Opened = Awaited<ReturnType<typeof open>>;
type Layers = Pick<BuildLayers, 'hold' | 'release' | 'adoptTars'>;

/** How many layers, from the base up, are here already; they are held. */
function holdPresent(layers: Layers, chain: readonly string[]): number {
  for (let count = chain.length; count > 0; count--) {
    if (layers.hold(chain.slice(0, count)) !== undefined) return count;
  }
  return 0;
}

/** Has the layers come from the client that are not here; all of them are held. */
async function bring(
  layers: Layers,
  { store, manifest, diffIds, chain }: Opened,
  run: StepRun,
): Promise<readonly string[]> {
  const count = holdPresent(layers, chain);
  const present = chain.slice(0, count);
  const missing = manifest.layers.slice(count);
  const told = (current: (size: number) => number, isDone: boolean): void => {
    for (const { digest, size } of missing) {
      run.onStatus({ id: `extracting ${digest}`, current: current(size), total: size, isDone });
    }
  };
  told(() => 0, false);
  try {
    const tars = missing.map(({ digest }, index) => ({
      read: () => store.read(digest, run.signal),
      diffId: diffIds[count + index] ?? '',
    }));
    await layers.adoptTars(tars, present, run.signal);
  } catch (error) {
    layers.release(present);
    throw error;
  }
  told((size) => size, true);
  return chain;
}

/** OCI layouts of clients (`--build-context x=oci-layout://…`). */
export function createOciLayoutSource(layers: Layers): ImageSource & SourceKind {
  async function resolve(reference: string, platform: Platform, context: BuildContext): Promise<ResolvedImage> {
    const found = await open(reference, platform, context.sessions, context.signal);
    const { digest, manifest, config, chain } = found;
    const full = reference.startsWith(scheme) ? reference : `${scheme}${reference}`;
    return { reference: full, imageId: manifest.config.digest, digest, config, chain, platform };
  }
  return {
    resolve,
    async pin({ identifier }: SourceOperation, platform, run): Promise<PinnedSource> {
      const found = await open(identifier, platform, run.context.sessions, run.signal);
      return {
        key: async () => chainKey(found.chain),
        rest: 'work',
        async materialise(later) {
          const chain = await bring(layers, found, later);
          return { result: { kind: 'layers', chain }, release: () => layers.release(chain) };
        },
      };
    },
  };
}
