import { createReadStream, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf, encodedOf } from '#oci';
import { newId } from '#std/identifiers';
import { type PartialBlob, Partials } from './blobs-partial.ts';

/** Content by its digest: each blob is a file that is complete or not there. */
export interface Blobs {
  has(digest: string): boolean;
  /** Undefined when it is not there. */
  sizeBytes(digest: string): number | undefined;
  path(digest: string): string;
  /** A name for a file of ours that is to become a blob, or to go. */
  newPath(): string;
  /** Makes a file at `newPath` the blob that it is. Not yet synced. */
  take(path: string, digest: string): Promise<void>;
  /** Stores a small one at once. Not yet synced. */
  put(content: Uint8Array): string;
  /** Reads a small one. */
  get(digest: string): Buffer;
  read(digest: string): AsyncIterable<Uint8Array>;
  delete(digest: string): void;
  /** Makes it one that is half-downloaded, though all of it is there: the next one who wants it finds it. */
  setAside(digest: string): void;
  list(): Promise<string[]>;
  /** A new empty directory for what only passes through; the caller removes it. */
  makeTemporaryDirectory(): string;
  /**
   * Goes on with a download, or begins it; waits for who is at it already, so look after it whether the blob is there now.
   * What is half-downloaded outlives the process.
   */
  openPartial(digest: string): Promise<PartialBlob>;
  /** Bytes that are half-downloaded. */
  partialBytes(): Promise<number>;
  /** Half-downloaded blobs that nobody goes on with now. */
  idlePartials(): Promise<{ digest: string; sizeBytes: number; changedMs: number }[]>;
  /** Removes one of them; false when somebody goes on with it. */
  removePartial(digest: string): boolean;
  /** Removes what a killed process left half-written, and half-downloaded blobs that are old or too many. */
  removeUnfinished(): Promise<void>;
}

const readBytes = 256 * 1024;

/** Opens the blobs under `directory` (`sha256/HEX`, `partial/HEX`, and `unfinished/` for what is being written). */
export function openBlobs(directory: string): Blobs {
  const finished = join(directory, 'sha256');
  const unfinished = join(directory, 'unfinished');
  const partial = join(directory, 'partial');
  mkdirSync(finished, { recursive: true, mode: 0o700 });
  mkdirSync(unfinished, { recursive: true, mode: 0o700 });
  mkdirSync(partial, { recursive: true, mode: 0o700 });
  const path = (digest: string): string => join(finished, encodedOf(digest));
  const has = (digest: string): boolean => statSync(path(digest), { throwIfNoEntry: false }) !== undefined;
  const partials = new Partials(partial, path);

  async function take(file: string, digest: string): Promise<void> {
    // One that is there may be named by a record: a power cut must not leave a file in its place that is not on disk.
    if (has(digest)) {
      await using handle = await open(file, 'r');
      await handle.sync();
    }
    renameSync(file, path(digest));
  }

  function put(content: Uint8Array): string {
    const digest = digestOf(content);
    // The same as in `take`.
    if (has(digest) && readFileSync(path(digest)).equals(content)) return digest;
    const temporary = join(unfinished, newId());
    writeFileSync(temporary, content, { flag: 'wx', mode: 0o600 });
    renameSync(temporary, path(digest));
    return digest;
  }

  return {
    path,
    newPath: () => join(unfinished, newId()),
    take,
    put,
    has,
    sizeBytes: (digest) => statSync(path(digest), { throwIfNoEntry: false })?.size,
    get: (digest) => readFileSync(path(digest)),
    read: (digest) => createReadStream(path(digest), { highWaterMark: readBytes }),
    delete: (digest) => rmSync(path(digest), { force: true }),
    setAside(digest) {
      if (has(digest)) renameSync(path(digest), join(partial, encodedOf(digest)));
    },
    list: async () => (await readdir(finished)).map((name) => `sha256:${name}`),
    makeTemporaryDirectory() {
      const temporary = join(unfinished, newId());
      mkdirSync(temporary, { mode: 0o700 });
      return temporary;
    },
    openPartial: (digest) => partials.open(digest),
    partialBytes: () => partials.sizeBytes(),
    idlePartials: () => partials.idle(),
    removePartial: (digest) => partials.remove(digest),
    async removeUnfinished() {
      await partials.trim();
      for (const name of await readdir(unfinished)) await rm(join(unfinished, name), { recursive: true, force: true });
    },
  };
}
