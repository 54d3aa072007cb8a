import { createReadStream, existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { type FileHandle, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Digester, encodedOf } from '#oci';
import { fail } from '#std/errors';
import { type GrowingFile, Growth } from './growing-file.ts';

/** A blob that is being downloaded. */
export interface PartialBlob {
  /** How many bytes are there, from its beginning; those of an earlier attempt included. */
  readonly sizeBytes: number;
  /** What is there, for who unpacks it meanwhile. */
  readonly file: GrowingFile;
  /** Adds to its end. */
  write(chunk: Uint8Array): Promise<void>;
  /** Gives the blob its name, not yet synced; when it is not what its digest says it is gone, and that is thrown. */
  finish(): Promise<{ digest: string; sizeBytes: number }>;
  /** Ends this attempt; what is there stays for the next one. `error` is what who reads it is told. Harmless after `finish`. */
  suspend(error?: unknown): Promise<void>;
  /** Ends it and removes what is there. Harmless after `finish`. */
  discard(error?: unknown): Promise<void>;
}

/** Half-downloaded blobs: no more than so many bytes, and none older than that, outlive the start of an engine. */
const keptBytes = 4 * 1024 ** 3;
const keptMs = 7 * 24 * 3600 * 1000;
const readBytes = 1024 * 1024;

class PartialFile implements PartialBlob {
  readonly file: GrowingFile;
  readonly #digester = new Digester();
  readonly #growth = new Growth();
  readonly #release: () => void;
  #path: string;
  #isOpen = true;

  constructor(
    readonly digest: string,
    readonly handle: FileHandle,
    readonly place: { readonly temporary: string; readonly final: string },
    release: () => void,
  ) {
    this.#release = release;
    this.#path = place.temporary;
    const self = this;
    this.file = {
      get path() {
        return self.#path;
      },
      grown: (beyondBytes) => this.#growth.beyond(beyondBytes),
    };
  }

  get sizeBytes(): number {
    return this.#growth.sizeBytes;
  }

  /** Hashes what an earlier attempt has left. */
  async recall(): Promise<void> {
    for await (const chunk of createReadStream(this.place.temporary, { highWaterMark: readBytes })) {
      this.#digester.update(chunk as Uint8Array);
      this.#growth.add((chunk as Uint8Array).length);
    }
  }

  async write(chunk: Uint8Array): Promise<void> {
    for (let written = 0; written < chunk.length; ) {
      const { bytesWritten } = await this.handle.write(chunk, written, chunk.length - written);
      this.#digester.update(chunk.subarray(written, written + bytesWritten));
      written += bytesWritten;
      this.#growth.add(bytesWritten);
    }
  }

  async finish(): Promise<{ digest: string; sizeBytes: number }> {
    const { sizeBytes } = this;
    const found = this.#digester.finish();
    if (found !== this.digest) {
      const error = fail('invalid-argument', `unexpected digest: expected ${this.digest}, got ${found}`);
      await this.discard(error);
      throw error;
    }
    // One that is there may be named by a record: a power cut must not leave a file in its place that is not on disk.
    if (existsSync(this.place.final)) await this.handle.sync();
    renameSync(this.place.temporary, this.place.final);
    this.#path = this.place.final;
    this.#growth.complete();
    await this.#close();
    return { digest: this.digest, sizeBytes };
  }

  async suspend(error: unknown = fail('unavailable', 'the download was given up')): Promise<void> {
    if (!this.#isOpen) return;
    if (this.sizeBytes === 0) return this.discard(error);
    this.#growth.fail(error);
    await this.#close();
  }

  async discard(error?: unknown): Promise<void> {
    if (!this.#isOpen) return;
    this.#growth.fail(error ?? fail('unavailable', 'the download was given up'));
    await rm(this.place.temporary, { force: true });
    await this.#close();
  }

  async #close(): Promise<void> {
    this.#isOpen = false;
    await this.handle.close();
    this.#release();
  }
}

/** The half-downloaded blobs in `directory`, one file each by its digest; complete ones go where `final` says. */
export class Partials {
  readonly #writers = new Map<string, Promise<void>>();

  constructor(
    readonly directory: string,
    readonly final: (digest: string) => string,
  ) {}

  /** One writer a digest at a time: another waits here until the one before has ended. */
  async open(digest: string): Promise<PartialBlob> {
    for (let before = this.#writers.get(digest); before !== undefined; before = this.#writers.get(digest)) await before;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#writers.set(digest, promise);
    const release = (): void => {
      this.#writers.delete(digest);
      resolve();
    };
    const temporary = join(this.directory, encodedOf(digest));
    let handle: FileHandle | undefined;
    try {
      handle = await open(temporary, 'a', 0o600);
      const partial = new PartialFile(digest, handle, { temporary, final: this.final(digest) }, release);
      await partial.recall();
      return partial;
    } catch (error) {
      await handle?.close();
      release();
      throw error;
    }
  }

  /** Bytes of all that is there. */
  async sizeBytes(): Promise<number> {
    const files = await this.#list();
    return files.reduce((total, { sizeBytes }) => total + sizeBytes, 0);
  }

  /** Removes what is old, and of the rest the oldest until no more is there than may be; what is being written stays. */
  async trim(limits: { bytes: number; ageMs: number } = { bytes: keptBytes, ageMs: keptMs }): Promise<void> {
    let total = 0;
    for (const { name, path, sizeBytes, changedMs } of await this.#list()) {
      total += sizeBytes;
      const isKept = total <= limits.bytes && Date.now() - changedMs <= limits.ageMs && sizeBytes > 0;
      if (isKept || this.#writers.has(`sha256:${name}`)) continue;
      total -= sizeBytes;
      await rm(path, { force: true });
    }
  }

  /** What nobody is writing now, the newest first. */
  async idle(): Promise<{ digest: string; sizeBytes: number; changedMs: number }[]> {
    const files = (await this.#list()).map(({ name, ...file }) => ({ digest: `sha256:${name}`, ...file }));
    return files.filter(({ digest }) => !this.#writers.has(digest));
  }

  /** Removes one that nobody is writing; false when somebody is. */
  remove(digest: string): boolean {
    if (this.#writers.has(digest)) return false;
    rmSync(join(this.directory, encodedOf(digest)), { force: true });
    return true;
  }

  /** Newest first. */
  async #list() {
    const files = (await readdir(this.directory)).flatMap((name) => {
      const path = join(this.directory, name);
      const stat = statSync(path, { throwIfNoEntry: false });
      return stat === undefined ? [] : [{ name, path, sizeBytes: stat.size, changedMs: stat.mtimeMs }];
    });
    return files.sort((one, other) => other.changedMs - one.changedMs);
  }
}
