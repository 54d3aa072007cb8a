import { mkdirSync, renameSync, statSync } from 'node:fs';
import { open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { encodedOf } from '#oci';
import { newId } from '#std/identifiers';
import { lazy } from '#std/lazy';
import { sharedRun } from '#std/shared-run';
import { algorithmOf } from './names.ts';

/** Blobs as files by their digests (`ALGORITHM/HEX`): each is complete and on disk, or not there. */
export interface Content {
  path(digest: string): string;
  /** Undefined when it is not there. */
  sizeBytes(digest: string): number | undefined;
  /** Takes over a synced file of this file system under the name of its digest; the name is on disk when it resolves. */
  adopt(file: string, digest: string): Promise<void>;
  /** At once; the file's space comes back with `emptyTrash`. */
  delete(digest: string): void;
  emptyTrash(): Promise<void>;
  /** All digests, in no order. */
  list(): Promise<string[]>;
  /** How many there are, and what they weigh; looked up once, and counted from then on. */
  usage(): Promise<{ readonly blobs: number; readonly bytes: number }>;
  /** Until it is disposed, nobody may delete what is about to be linked under this digest. */
  pin(digest: string): Disposable;
  isPinned(digest: string): boolean;
}

function directorySyncer(path: string): () => Promise<void> {
  return sharedRun(async () => {
    const directory = await open(path, 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  });
}

const weighedBetweenPauses = 200;

/** The sizes of files by their digests, and their sum. */
function openWeights() {
  const sizes = new Map<string, number>();
  let sumBytes = 0;
  return {
    get count() {
      return sizes.size;
    },
    get sumBytes() {
      return sumBytes;
    },
    /** Undefined for one that is gone. */
    set(digest: string, sizeBytes: number | undefined): void {
      sumBytes += (sizeBytes ?? 0) - (sizes.get(digest) ?? 0);
      if (sizeBytes === undefined) sizes.delete(digest);
      else sizes.set(digest, sizeBytes);
    },
  };
}

/** Opens (and makes) the blobs under `directory`. */
export function openContent(directory: string): Content {
  const algorithms = ['sha256', 'sha512'] as const;
  for (const algorithm of algorithms) mkdirSync(join(directory, algorithm), { recursive: true, mode: 0o700 });
  const syncers = {
    sha256: directorySyncer(join(directory, 'sha256')),
    sha512: directorySyncer(join(directory, 'sha512')),
  };
  const trash = join(directory, 'trash');
  mkdirSync(trash, { recursive: true, mode: 0o700 });
  const pins = new Map<string, number>();
  const weights = openWeights();
  const path = (digest: string): string => join(directory, algorithmOf(digest), encodedOf(digest));
  const sizeBytes = (digest: string): number | undefined => statSync(path(digest), { throwIfNoEntry: false })?.size;
  async function list(): Promise<string[]> {
    const names = algorithms.map(async (algorithm) =>
      (await readdir(join(directory, algorithm))).map((name) => `${algorithm}:${name}`),
    );
    return (await Promise.all(names)).flat();
  }
  const measure = lazy(async () => {
    for (const [index, digest] of (await list()).entries()) {
      if (index % weighedBetweenPauses === 0) await new Promise<void>((resolve) => void setImmediate(resolve));
      weights.set(digest, sizeBytes(digest));
    }
  });
  return {
    path,
    sizeBytes,
    async adopt(file, digest) {
      renameSync(file, path(digest));
      weights.set(digest, sizeBytes(digest));
      await syncers[algorithmOf(digest)]();
    },
    delete(digest) {
      weights.set(digest, undefined);
      try {
        // Removing a large file takes long: its name goes here, the rest in the background.
        renameSync(path(digest), join(trash, newId()));
      } catch {
        // It is not there.
      }
    },
    async emptyTrash() {
      for (const name of await readdir(trash)) await rm(join(trash, name), { force: true });
    },
    list,
    async usage() {
      await measure();
      return { blobs: weights.count, bytes: weights.sumBytes };
    },
    pin(digest) {
      pins.set(digest, (pins.get(digest) ?? 0) + 1);
      return {
        [Symbol.dispose]() {
          const left = (pins.get(digest) ?? 1) - 1;
          if (left === 0) pins.delete(digest);
          else pins.set(digest, left);
        },
      };
    },
    isPinned: (digest) => pins.has(digest),
  };
}
