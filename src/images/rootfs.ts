import { fail } from '#std/errors';
import type { Snapshots } from '#store';
import type { Catalogue } from './catalogue.ts';
import type { Layers } from './layers.ts';
import type { Rootfs } from './types.ts';

/** Containers' file systems over snapshots; which layers one stands on is a record, for its image may go before it. */
export function createRootfs(options: { catalogue: Catalogue; snapshots: Snapshots; layers: Layers }): Rootfs {
  const { catalogue, snapshots, layers } = options;

  function chainOfContainer(containerId: string): readonly string[] {
    const record = catalogue.rootfs.get(containerId);
    if (record === undefined) throw fail('internal', `no writable layer of container ${containerId}`);
    return record.chain;
  }

  return {
    create(containerId, image) {
      snapshots.createContainer(containerId, image.chain);
      catalogue.rootfs.put({ id: containerId, imageId: image.id, chain: image.chain });
    },
    mount: (containerId, mountOptions) =>
      snapshots.mountContainer(containerId, chainOfContainer(containerId), mountOptions),
    unmount: (containerId) => snapshots.unmountContainer(containerId),
    async remove(containerId) {
      const record = catalogue.rootfs.get(containerId);
      snapshots.removeContainer(containerId);
      if (record === undefined) return;
      catalogue.rootfs.delete(containerId);
      // An image removed by force leaves its layers to the containers that stand on them.
      if (catalogue.images.get(record.imageId) === undefined) layers.sweep(record.chain);
    },
    list: () => snapshots.listContainers(),
    sizeRw: (containerId) => snapshots.containerSizeBytes(containerId),
    describe(containerId) {
      const { lower, upper, work, merged } = snapshots.containerPaths(containerId, chainOfContainer(containerId));
      return {
        Name: 'overlay2',
        Data: { ID: containerId, LowerDir: lower.join(':'), MergedDir: merged, UpperDir: upper, WorkDir: work },
      };
    },
  };
}
