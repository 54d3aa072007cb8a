import type { Repository } from '#distribution';
import { fail, kindOf } from '#std/errors';
import { shortId } from '#std/identifiers';
import type { Slots } from '#std/slots';
import type { Blobs, GrowingFile } from '#store';
import type { BlobSources } from '../blob-sources.ts';
import type { StoredLayer } from '../catalogue.ts';
import { countDown } from '../count-down.ts';
import type { Layers } from '../layers.ts';
import type { LooseLayer } from '../loose-layer.ts';
import type { ManifestLayer } from '../manifests.ts';
import { progressMessage, type Report } from '../progress.ts';

export interface TransferOptions {
  readonly blobs: Blobs;
  readonly layers: Layers;
  readonly blobSources: BlobSources;
  readonly slots: Slots;
  /** Opens the repository that the blob comes from. */
  readonly open: (signal: AbortSignal) => Repository;
}

/** What is to come in: a layer, which is unpacked on its way, or with no diff id a blob as it is. */
export interface Wanted {
  readonly descriptor: ManifestLayer;
  readonly diffId?: string;
  /** The layer below, for a layer. */
  readonly parent?: string | undefined;
}

const toldEveryMs = 100;

/** A blob on its way in, for as many pulls as want it: each joins and leaves, and the last one to leave ends it. */
export class Transfer {
  readonly #watchers = new Set<Report>();
  readonly #abort = new AbortController();
  readonly #id: string;
  #last = { status: 'Pulling fs layer', bytes: undefined as { current: number; total: number } | undefined };
  #toldAtMs = 0;
  #users = 0;
  #holdsBlob = false;
  /** The blob is what its digest says, and cannot be unpacked, or is another layer: no further try mends that. */
  #isUseless = false;
  #loose: LooseLayer | undefined;
  #adopted: StoredLayer | undefined;
  readonly #running: Promise<void>;
  readonly #ended: () => void;

  constructor(
    readonly options: TransferOptions,
    readonly wanted: Wanted,
    ended: () => void,
  ) {
    this.#id = shortId(wanted.descriptor.digest);
    this.#ended = ended;
    this.#running = this.#run();
    this.#running.catch(() => undefined);
  }

  /** Whether it has failed: then another one is to be begun. */
  isFailed = false;

  join(report: Report): void {
    this.#users += 1;
    this.#watchers.add(report);
    report(progressMessage(this.#id, this.#last.status, this.#last.bytes));
  }

  /** When the blob is there, and unpacked where it is a layer. */
  done(): Promise<void> {
    return this.#running;
  }

  /** Puts the layer in its place, above the one below, which is in its own. */
  adopt(): StoredLayer {
    if (this.#adopted !== undefined) return this.#adopted;
    if (this.#loose === undefined) throw fail('internal', `layer ${this.#id} is not there`);
    const adopted = this.options.layers.adopt(this.#loose, this.wanted.parent);
    this.#loose = undefined;
    this.#adopted = adopted;
    return adopted;
  }

  /** What is complete and named by no record then stays for the next pull. */
  async leave(report: Report): Promise<void> {
    this.#watchers.delete(report);
    this.#users -= 1;
    if (this.#users > 0) return;
    this.#ended();
    this.#abort.abort(fail('cancelled', 'context canceled'));
    await this.#running.catch(() => undefined);
    const { layers } = this.options;
    if (this.#loose !== undefined) layers.abandon(this.#loose);
    if (this.#adopted !== undefined) layers.release([this.#adopted.id]);
    if (!this.#holdsBlob) return;
    if (this.#isUseless) layers.releaseBlob(this.wanted.descriptor.digest);
    else layers.keepBlob(this.wanted.descriptor.digest);
  }

  #tell(status: string, bytes?: { current: number; total: number }): void {
    const isSame = this.#last.status === status;
    this.#last = { status, bytes };
    const isLast = status === 'Extracting' && bytes?.current === bytes?.total;
    if (isSame && !isLast && performance.now() - this.#toldAtMs < toldEveryMs) return;
    this.#toldAtMs = performance.now();
    for (const report of this.#watchers) report(progressMessage(this.#id, status, bytes));
  }

  async #run(): Promise<void> {
    const { slots } = this.options;
    const { signal } = this.#abort;
    // Whoever begins this joins first.
    await Promise.resolve();
    try {
      if (slots.isFull) this.#tell('Waiting');
      const giveBack = await slots.take(signal);
      try {
        await this.#fetch(signal);
      } finally {
        giveBack();
      }
    } catch (error) {
      this.isFailed = true;
      this.#ended();
      throw error;
    }
  }

  #holdBlob(): void {
    this.options.layers.holdBlob(this.wanted.descriptor.digest);
    this.#holdsBlob = true;
  }

  async #fetch(signal: AbortSignal): Promise<void> {
    if (await this.#useWhatIsHere()) return;
    for (let isSecond = false; ; isSecond = true) {
      const begunWithBytes = await this.#download(signal, isSecond).catch((error: unknown) => {
        // What an earlier attempt left, or a power cut, is not what it should be: once more from the beginning.
        if (isSecond || !(error instanceof StaleStart)) throw error;
        return undefined;
      });
      if (begunWithBytes !== undefined) break;
    }
  }

  /**
   * Where the layer is; at the next start that tells, too, that its blob is worth keeping. Which layer it holds is known only
   * when it is unpacked: until then the image says so alone, and a push must not believe it.
   */
  #note(isUnpacked: boolean): void {
    const { diffId, descriptor } = this.wanted;
    if (diffId === undefined) return;
    const { mediaType, size, digest } = descriptor;
    const { blobSources, open } = this.options;
    const repository = open(this.#abort.signal).name;
    const known = isUnpacked ? diffId : (blobSources.get(digest)?.diffId ?? '');
    blobSources.put({ digest, repository, diffId: known, mediaType, sizeBytes: size });
  }

  /** The blob may be here already, of another image. */
  async #useWhatIsHere(): Promise<boolean> {
    const { blobs } = this.options;
    const { digest, size } = this.wanted.descriptor;
    if (blobs.sizeBytes(digest) !== size) return false;
    this.#holdBlob();
    this.#tell('Download complete');
    const file: GrowingFile = {
      path: blobs.path(digest),
      grown: async () => ({ sizeBytes: size, isComplete: true }),
    };
    await this.#unpacked(this.#unpack(file));
    return true;
  }

  async #unpack(file: GrowingFile, onRead: (bytes: number) => void = () => undefined): Promise<void> {
    const { diffId, descriptor } = this.wanted;
    if (diffId === undefined) return;
    const followed: GrowingFile = {
      get path() {
        return file.path;
      },
      grown(beyondBytes) {
        onRead(beyondBytes);
        return file.grown(beyondBytes);
      },
    };
    this.#loose = await this.options.layers.unpack(followed, {
      expectedDiffId: diffId,
      expectedDigest: descriptor.digest,
    });
  }

  async #download(signal: AbortSignal, fromStart: boolean): Promise<number> {
    const { blobs, open } = this.options;
    const { descriptor } = this.wanted;
    const { digest, size } = descriptor;
    let partial = await blobs.openPartial(digest);
    if (blobs.sizeBytes(digest) === size) {
      await partial.discard();
      await this.#useWhatIsHere();
      return 0;
    }
    if (partial.sizeBytes > size || fromStart) {
      await partial.discard();
      partial = await blobs.openPartial(digest);
    }
    const begunWithBytes = partial.sizeBytes;
    let isDownloaded = false;
    const waits = countDown((status) => this.#tell(status));
    const opened = Promise.withResolvers<void>();
    const unpacking = this.#unpack(partial.file, (current) => {
      opened.resolve();
      if (isDownloaded) this.#tell('Extracting', { current, total: size });
    });
    let failure: unknown;
    const unpacked = unpacking.catch((error: unknown) => {
      failure = error;
    });
    try {
      const total = size;
      if (partial.sizeBytes < size) {
        for await (const chunk of open(signal).blob(descriptor, { offset: begunWithBytes, onRetry: waits.begin })) {
          waits.end();
          signal.throwIfAborted();
          if (partial.sizeBytes + chunk.length > size)
            throw fail('internal', `${digest}: more than its ${size} bytes came`);
          await partial.write(chunk);
          this.#tell('Downloading', { current: partial.sizeBytes, total });
          // A tar that is damaged is not worth the rest of its bytes.
          if (failure !== undefined && kindOf(failure) === 'exhausted') throw failure;
        }
      }
      // It is renamed now: who reads it must have opened it.
      await Promise.race([opened.promise, unpacked]);
      this.#tell('Verifying Checksum');
      this.#holdBlob();
      try {
        await partial.finish();
        this.#note(false);
      } catch (error) {
        this.#holdsBlob = false;
        this.options.layers.releaseBlob(digest);
        if (begunWithBytes > 0 && kindOf(error) === 'invalid-argument') throw new StaleStart();
        if (kindOf(error) !== 'invalid-argument') throw error;
        throw fail('internal', `filesystem layer verification failed for digest ${digest}`, error);
      }
      this.#tell('Download complete');
      isDownloaded = true;
    } catch (error) {
      waits.end();
      await partial.suspend(error);
      await unpacked;
      throw error;
    }
    await this.#unpacked(unpacking);
    return begunWithBytes;
  }

  /** Waits for what comes out of a blob that is whole. */
  async #unpacked(unpacking: Promise<void>): Promise<void> {
    try {
      await unpacking;
    } catch (error) {
      this.#isUseless = kindOf(error) === 'invalid-argument';
      throw error;
    }
    if (this.wanted.diffId === undefined) return;
    this.#note(true);
    const { size } = this.wanted.descriptor;
    const { status, bytes } = this.#last;
    if (status !== 'Extracting' || bytes?.current !== size) this.#tell('Extracting', { current: size, total: size });
  }
}

/** What was there of a blob is not its beginning. */
class StaleStart extends Error {}
