import { closeSync } from 'node:fs';
import { posix } from 'node:path';
import type { MountPoint } from '#api';
import { ConfinedDirectory } from '#linux/confined-directory';
import { checkAnswers } from '#linux/remote-files';
import { fail, kindOf, messageOf } from '#std/errors';
import { copyUp, hasDirectory } from '#volumes';
import type { ContainerRecord } from '../record.ts';
import type { MountSourceParts } from '../start/mount-sources.ts';
import { pinSubpath, releasePins } from '../start/pins.ts';

/** Files that the engine makes for every container, and mounts over what the image has in their places. */
const generatedFiles = ['/etc/hostname', '/etc/hosts', '/etc/resolv.conf'];

/** Gives a volume the places for generated files that the image left out: it may be mounted read-only. */
function addPlaces(directory: string, destination: string): void {
  using volume = new ConfinedDirectory(directory);
  for (const file of generatedFiles) {
    if (posix.dirname(file) !== destination) continue;
    const name = posix.basename(file);
    if (volume.lookUp(name) === undefined) closeSync(volume.createFile(name));
  }
}

/**
 * Fills the new and still empty volumes of a container that is being created with what its image has in their places.
 * A volume that the image has no content for is not even mounted. Throws in Docker's words.
 */
export async function fillVolumes(record: ContainerRecord, parts: MountSourceParts): Promise<void> {
  const { id, mounts, mountOptions = {} } = record;
  const { rootfs, volumes, paths } = parts;
  const wanted = mounts.filter(({ Type, Destination }) => Type === 'volume' && mountOptions[Destination]?.fill);
  if (wanted.length === 0) return;

  /** The directory to fill; undefined for a part of a volume that may come later: its absence is told at the start. */
  async function open(name: string, subpath: string | undefined): Promise<string | undefined> {
    try {
      const directory = await volumes.mount(name, id, { quiet: true });
      await checkAnswers(directory);
      return subpath === undefined ? directory : pinSubpath(directory, subpath, paths.pins(id), 'fill');
    } catch (error) {
      if (kindOf(error) === 'not-found') return undefined;
      throw fail(kindOf(error), `failed to populate volume: ${messageOf(error)}`, error);
    }
  }

  async function fill({ Name = '', Destination }: MountPoint, root: string): Promise<void> {
    if (!hasDirectory(root, Destination)) return;
    try {
      const directory = await open(Name, mountOptions[Destination]?.subpath);
      if (directory !== undefined && (await copyUp(root, Destination, directory))) addPlaces(directory, Destination);
    } finally {
      releasePins(paths.pins(id));
      await volumes.unmount(Name, id, { quiet: true });
    }
  }

  // Only read here, so that there is nothing to be written out at its unmount.
  const root = rootfs.mount(id, { volatile: true });
  try {
    for (const point of wanted) await fill(point, root);
  } finally {
    rootfs.unmount(id);
  }
}
