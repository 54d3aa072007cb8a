import { fail } from '#std/errors';
import { changesOf, type Snapshots } from '#store';
import type { Catalogue } from './catalogue.ts';
import type { LastUsed } from './gc/last-used.ts';
import type { Layers } from './layers.ts';
import type { Rootfs } from './types.ts';

/** What the engine and the runtime make in every container that lacks it; no change of the container's. */
export const engineMade: ReadonlySet<string> = new Set([
  ...['/.dockerenv', '/dev', '/dev/console', '/dev/pts', '/dev/shm', '/dev/mqueue', '/proc', '/sys'],
  ...['/etc', '/etc/hosts', '/etc/hostname', '/etc/resolv.conf', '/etc/mtab'],
]);

interface Hold {
  count: number;
  /** Nobody else wants it mounted: the last to let go unmounts it. */
  isAlone: boolean;
}

/** Containers' file systems over snapshots; which layers one stands on is a record, for its image may go before it. */
export function createRootfs(options: {
  catalogue: Catalogue;
  snapshots: Snapshots;
  layers: Layers;
  lastUsed: LastUsed;
}): Rootfs {
  const { catalogue, snapshots, layers, lastUsed } = options;
  const holds = new Map<string, Hold>();

  function chainOfContainer(containerId: string): readonly string[] {
    const record = catalogue.rootfs.get(containerId);
    if (record === undefined) throw fail('internal', `no writable layer of container ${containerId}`);
    return record.chain;
  }

  function letGo(containerId: string, hold: Hold): void {
    hold.count -= 1;
    if (hold.count > 0 || holds.get(containerId) !== hold) return;
    holds.delete(containerId);
    if (hold.isAlone) snapshots.unmountContainer(containerId);
  }

  return {
    create(containerId, image) {
      snapshots.createContainer(containerId, image.chain);
      catalogue.rootfs.put({ id: containerId, imageId: image.id, chain: image.chain });
      lastUsed.note(image.id);
    },
    mount(containerId, mountOptions) {
      const hold = holds.get(containerId);
      if (hold !== undefined) hold.isAlone = false;
      return snapshots.mountContainer(containerId, chainOfContainer(containerId), mountOptions);
    },
    unmount(containerId) {
      const hold = holds.get(containerId);
      if (hold === undefined) snapshots.unmountContainer(containerId);
      else hold.isAlone = true;
    },
    hold(containerId) {
      const isMounted = snapshots.isContainerMounted(containerId);
      const directory = snapshots.mountContainer(containerId, chainOfContainer(containerId));
      const hold = holds.get(containerId) ?? { count: 0, isAlone: !isMounted };
      hold.count += 1;
      holds.set(containerId, hold);
      let isHeld = true;
      return {
        directory,
        release() {
          if (isHeld) letGo(containerId, hold);
          isHeld = false;
        },
      };
    },
    changes(containerId) {
      const { upper, lower } = snapshots.containerPaths(containerId, chainOfContainer(containerId));
      return changesOf(upper, lower, engineMade);
    },
    async remove(containerId) {
      const record = catalogue.rootfs.get(containerId);
      holds.delete(containerId);
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
