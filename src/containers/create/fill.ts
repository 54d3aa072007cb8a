import type { MountPoint } from '#api';
import { EstibaError, fail, kindOf, messageOf } from '#std/errors';
import { copyUp, hasDirectory } from '#volumes';
import type { ContainerRecord } from '../record.ts';
import type { MountSourceParts } from '../start/mount-sources.ts';
import { pinSubpath, releasePins } from '../start/pins.ts';

/**
 * Fills the new and still empty volumes of a container that is being created with what its image has in their places.
 * A volume that the image has no content for is not even mounted. Throws in Docker's words.
 */
export async function fillVolumes(record: ContainerRecord, parts: MountSourceParts): Promise<void> {
  const { id, mounts, mountOptions = {} } = record;
  const { rootfs, volumes, paths } = parts;
  const wanted = mounts.filter(({ Type, Destination }) => Type === 'volume' && mountOptions[Destination]?.fill);
  if (wanted.length === 0) return;

  const pin = (directory: string, subpath: string): string => pinSubpath(directory, subpath, paths.pins(id), 'fill');

  async function fill({ Name = '', Destination }: MountPoint, root: string): Promise<void> {
    const subpath = mountOptions[Destination]?.subpath;
    if (!hasDirectory(root, Destination)) return;
    const directory = await volumes.mount(Name, id, { quiet: true });
    try {
      await copyUp(root, Destination, subpath === undefined ? directory : pin(directory, subpath));
    } finally {
      releasePins(paths.pins(id));
      await volumes.unmount(Name, id, { quiet: true });
    }
  }

  // Only read here, so that there is nothing to be written out at its unmount.
  const root = rootfs.mount(id, { volatile: true });
  try {
    for (const point of wanted) {
      await fill(point, root).catch((error: unknown) => {
        // The part of a volume that is to be filled may come later; its absence is told at the start.
        if (kindOf(error) === 'not-found') return;
        const kind = error instanceof EstibaError ? error.kind : 'internal';
        throw fail(kind, `failed to populate volume: ${messageOf(error)}`, error);
      });
    }
  } finally {
    rootfs.unmount(id);
  }
}
