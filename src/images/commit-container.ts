import { digestOf, familiarReference, hostPlatform, type ImageConfigFile } from '#oci';
import { fail } from '#std/errors';
import { formatTime, nowNs } from '#std/time';
import { changesOf, packChanges, type Snapshots } from '#store';
import type { StoredLayer } from './catalogue.ts';
import { commitImages, targetReference } from './commit.ts';
import { checkDepth, type Layers } from './layers.ts';
import { engineMade } from './rootfs.ts';
import type { CommitRequest } from './types.ts';

type Options = Parameters<typeof commitImages>[0] & { layers: Layers; snapshots: Snapshots };

function holdChain({ layers }: Options, chain: readonly string[]): StoredLayer[] {
  const held: StoredLayer[] = [];
  for (const id of chain) {
    const layer = layers.hold(id);
    if (layer === undefined) {
      layers.release(held.map((one) => one.id));
      throw fail('internal', `layer ${id} of the container's image is gone`);
    }
    held.push(layer);
  }
  return held;
}

/** Makes an image of what a container has changed, on top of its own image (`docker commit`). */
export async function commitContainer(options: Options, request: CommitRequest): Promise<{ id: string; name: string }> {
  const { catalogue, snapshots, layers } = options;
  const { repository, tag, author, comment, containerId, config, containerConfig } = request;
  const reference = repository === undefined ? undefined : targetReference(repository, tag);
  const rootfs = catalogue.rootfs.get(containerId);
  if (rootfs === undefined) throw fail('internal', `no writable layer of container ${containerId}`);
  const parent = catalogue.images.get(rootfs.imageId);
  const held = holdChain(options, rootfs.chain);
  try {
    const { upper, lower } = snapshots.containerPaths(containerId, rootfs.chain);
    const changes = await changesOf(upper, lower, engineMade);
    const isEmpty = changes.length === 0;
    if (!isEmpty) {
      checkDepth({ length: held.length + 1 });
      held.push(layers.adopt(await layers.unpack(packChanges(upper, changes)), rootfs.chain.at(-1)));
    }
    const created = formatTime(nowNs());
    const { architecture, os, variant } = parent ?? hostPlatform();
    const file: ImageConfigFile & { container: string; container_config: unknown } = {
      architecture,
      os,
      ...(variant === undefined ? {} : { variant }),
      ...(author === '' ? {} : { author }),
      created,
      container: containerId,
      container_config: containerConfig,
      config,
      ...(comment === '' ? {} : { comment }),
      rootfs: { type: 'layers', diff_ids: held.map(({ diffId }) => diffId) },
      history: [
        ...(parent?.history ?? []),
        {
          created,
          created_by: (containerConfig.Cmd ?? []).join(' '),
          ...(author === '' ? {} : { author }),
          ...(comment === '' ? {} : { comment }),
          ...(isEmpty ? { empty_layer: true } : {}),
        },
      ],
    };
    const content = Buffer.from(JSON.stringify(file));
    const id = digestOf(content);
    const references = reference === undefined ? [] : [reference];
    const image = { id, content, file, layers: held, references, parentId: rootfs.imageId };
    await commitImages(options, [image], 'create');
    return { id, name: reference === undefined ? '' : familiarReference(reference) };
  } finally {
    layers.release(held.map((layer) => layer.id));
  }
}
