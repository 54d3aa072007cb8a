import { availableParallelism } from 'node:os';
import { digestOf } from '#oci';
import { allEnded } from '#std/all-ended';
import { fail } from '#std/errors';
import { sharedRun } from '#std/shared-run';
import { Slots } from '#std/slots';
import { formatTime, nowNs } from '#std/time';
import { type Snapshots, syncFileSystem } from '#store';
import type { BuildLayer, BuildLayers, BuiltImage, LayerTar } from './build-layers.ts';
import type { StoredLayer } from './catalogue.ts';
import { commitImages, putReference } from './commit.ts';
import { checkDepth, type Layers } from './layers.ts';
import { packStoredLayer } from './packed-layer.ts';
import { pushBuiltLayer } from './push/built.ts';
import type { LayerTarget } from './push/layer.ts';

type Options = Parameters<typeof commitImages>[0] &
  Pick<LayerTarget, 'blobSources' | 'slots'> & { readonly layers: Layers; readonly snapshots: Snapshots };

/** Holds all layers of a chain, or none of them. */
function holdChain(layers: Layers, chain: readonly string[]): StoredLayer[] | undefined {
  const held: StoredLayer[] = [];
  for (const chainId of chain) {
    const layer = layers.hold(chainId);
    if (layer === undefined) {
      layers.release(held.map(({ id }) => id));
      return undefined;
    }
    held.push(layer);
  }
  return held;
}

async function commitAll(options: Options, images: readonly BuiltImage[]): Promise<string[]> {
  const { layers } = options;
  const chains: (readonly string[])[] = [];
  try {
    const made = images.map(({ content, file, chain, references, parentId }) => {
      checkDepth(chain);
      const held = holdChain(layers, chain);
      if (held === undefined) throw fail('internal', 'a layer of the image is gone');
      chains.push(chain);
      const parent = parentId === undefined ? {} : { parentId };
      return { id: digestOf(content), content, file, layers: held, references, ...parent };
    });
    await commitImages(options, made, 'build');
    return made.map(({ id }) => id);
  } finally {
    for (const chain of chains) layers.release(chain);
  }
}

/** So many layers come in at once; unpacked they are by processes of their own. */
const tarsAtOnce = 4;

async function adoptTars(
  layers: Layers,
  tars: readonly LayerTar[],
  chain: readonly string[],
  signal: AbortSignal,
): Promise<StoredLayer[]> {
  checkDepth({ length: chain.length + tars.length });
  const slots = new Slots(() => tarsAtOnce);
  const works = await Promise.allSettled(
    tars.map((tar) =>
      slots.run(async () => ({ tar, loose: await layers.unpack(tar.read(), { expectedDiffId: tar.diffId }) }), signal),
    ),
  );
  const unpacked = works.flatMap((work) => (work.status === 'fulfilled' ? [work.value] : []));
  const failed = works.find((work) => work.status === 'rejected');
  if (failed !== undefined) {
    for (const { loose } of unpacked) layers.abandon(loose);
    throw failed.reason;
  }
  const made: StoredLayer[] = [];
  for (const { tar, loose } of unpacked) {
    const layer = layers.adopt(loose, made.at(-1)?.id ?? chain.at(-1));
    made.push(layers.addTree({ ...layer, createdAt: tar.createdAt ?? formatTime(nowNs()) }));
  }
  return made;
}

/** Layers for the builder, over those of images. */
export function createBuildLayers(options: Options): BuildLayers {
  const { layers, snapshots, catalogue, records, dataRoot } = options;
  /** Each has a few megabytes in hand. */
  const packers = new Slots(() => Math.max(2, availableParallelism()));
  const shown = ({ id, diffId, tarSizeBytes, sizeBytes, createdAt }: StoredLayer): BuildLayer => {
    const made = createdAt === undefined ? {} : { createdAt };
    return { chainId: id, diffId, tarSizeBytes, sizeBytes, ...made, directory: snapshots.layerPath(id) };
  };
  return {
    draft: (chain) => snapshots.draftLayer(chain.at(-1)),
    adopt(measured, chain) {
      checkDepth({ length: chain.length + 1 });
      return shown(layers.adoptTree(measured, chain.at(-1)));
    },
    hold: (chain) => holdChain(layers, chain)?.map(shown),
    release: (chainIds) => void layers.release(chainIds),
    imageLayers: () => new Set([...catalogue.images.all(), ...catalogue.rootfs.all()].flatMap(({ chain }) => chain)),
    keepFor: (isKept) => layers.keepFor(isKept),
    sync: sharedRun(async () => {
      const trees = layers.unrecordedTrees();
      if (trees.length === 0) return;
      await syncFileSystem(dataRoot);
      layers.recordTrees(trees);
    }),
    mount: (chain, writable) => snapshots.mountLayers(chain, writable?.directory),
    async pack(chainId, packing, signal) {
      const layer = layers.hold(chainId);
      if (layer === undefined) throw fail('internal', `layer ${chainId} is gone`);
      try {
        return await packers.run(() => packStoredLayer(options, layer, packing, signal), signal);
      } finally {
        layers.release([chainId]);
      }
    },
    async push(chain, { repository, packing, signal }) {
      const held = holdChain(layers, chain);
      if (held === undefined) throw fail('internal', 'a layer of the image is gone');
      const target = { ...options, repository, signal, report: () => undefined };
      try {
        return await allEnded(held.map((layer) => pushBuiltLayer(target, layer, packing)));
      } finally {
        layers.release(chain);
      }
    },
    adoptTars: (tars, chain, signal) => adoptTars(layers, tars, chain, signal).then((made) => made.map(shown)),
    noteDigest(imageId, reference) {
      const image = catalogue.images.get(imageId);
      if (image !== undefined) records.transaction(() => putReference(catalogue, image, reference));
    },
    async commit(image) {
      const [id = ''] = await commitAll(options, [image]);
      return id;
    },
    commitAll: async (images) => void (await commitAll(options, images)),
  };
}
