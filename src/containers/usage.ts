import type { ImageUser } from '#images';
import type { Records } from '#store';
import { volumesOf } from './exit/release.ts';
import { type ContainerRecord, isRunning } from './record.ts';

/** Which images and volumes are in use; asked by their features, which do not know containers. */
export interface ContainerUsage {
  images(): Iterable<ImageUser & { imageId: string }>;
  volumes(): Iterable<{ containerId: string; volumes: readonly string[] }>;
}

/** Reads the usage from the records. */
export function containerUsage(records: Records): ContainerUsage {
  const collection = records.collection<ContainerRecord>('containers');
  return {
    *images() {
      for (const record of collection.all()) {
        yield { containerId: record.id, running: isRunning(record), imageId: record.imageId };
        for (const { image } of Object.values(record.mountOptions ?? {})) {
          // A removal by force takes the image's names and leaves its layers, whether the container runs or not.
          if (image !== undefined) yield { containerId: record.id, running: false, imageId: image };
        }
      }
    },
    *volumes() {
      for (const record of collection.all()) yield { containerId: record.id, volumes: volumesOf(record) };
    },
  };
}
