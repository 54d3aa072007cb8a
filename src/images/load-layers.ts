import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { ProgressMessage } from '#api';
import { chainIdOf, Digester } from '#oci';
import { fail } from '#std/errors';
import { shortId } from '#std/identifiers';
import { type Blobs, Spool } from '#store';
import type { Catalogue, StoredLayer } from './catalogue.ts';
import { type LayerStores, tarOfLayer } from './layer-content.ts';
import { checkDepth, type Layers } from './layers.ts';
import type { ArchivedImage } from './load-archive.ts';
import type { Archive, Receiver } from './load-pieces.ts';
import { type LooseLayer, wrongDiffId } from './loose-layer.ts';

/** At most so often progress is told. */
const progressEveryMs = 100;

type Report = (message: ProgressMessage) => void;

/** A large file of an archive: it may be a layer. */
export interface Candidate {
  readonly sizeBytes: number;
  /** Unpacked; undefined when nothing was made of it: a layer of that name is there already, or it does not look like one. */
  readonly unpacked: Promise<LooseLayer | undefined>;
  /** The file that holds what does not look like a layer, once it is there, and is what its digest says. */
  readonly asItCame?: Promise<string>;
}

/** The layers of an archive that is being loaded: unpacked as they come, and put above each other when that is known. */
export class ArchiveLayers {
  /** What has to be released. */
  readonly held: string[] = [];
  readonly #layers: Layers;
  readonly #catalogue: Catalogue;
  readonly #blobs: Blobs;
  readonly #stores: LayerStores;
  readonly #report: Report;
  /** Each may stand on others only once. */
  readonly #loose = new Set<Candidate>();
  readonly #stored = new Map<string, StoredLayer>();

  constructor(options: LayerStores & { layers: Layers; catalogue: Catalogue }, report: Report) {
    this.#layers = options.layers;
    this.#catalogue = options.catalogue;
    this.#blobs = options.blobs;
    this.#stores = options;
    this.#report = report;
  }

  /** Takes a file of the archive for a layer; whether it is one shows when somebody names it. */
  readonly receive: Receiver<Candidate> = (path, sizeBytes, content, isTar) => {
    const name = /^blobs\/sha256\/([0-9a-f]{64})$/.exec(path)?.[1];
    const digest = name === undefined ? undefined : `sha256:${name}`;
    const isHere = this.#holdSame(digest);
    const asItCame = isHere || isTar || digest === undefined ? undefined : this.#write(content, digest);
    const nothing = isHere ? skip(content) : asItCame && Promise.resolve(undefined);
    const unpacked = nothing ?? this.#unpack(content, sizeBytes, digest);
    // The failure is told to who asks for the layer; meanwhile the rest of the file must not wait for a reader.
    for (const made of [unpacked, asItCame]) made?.catch(() => content[Symbol.asyncIterator]().return?.());
    const candidate = { sizeBytes, unpacked, ...(asItCame && { asItCame }) };
    this.#loose.add(candidate);
    return candidate;
  };

  /** All layers of one image, those that are here already included. */
  async take(archive: Archive<Candidate>, image: ArchivedImage): Promise<StoredLayer[]> {
    const taken: StoredLayer[] = [];
    checkDepth(image.file.rootfs.diff_ids);
    for (const [index, diffId] of image.file.rootfs.diff_ids.entries()) {
      taken.push(await this.#takeOne(archive, image.layerPaths[index] ?? '', diffId, taken.at(-1)?.id));
    }
    return taken;
  }

  /** Throws away what no image has taken. */
  async abandonRest(): Promise<void> {
    for (const { unpacked, asItCame } of this.#loose) {
      const loose = await unpacked.catch(() => undefined);
      if (loose !== undefined) this.#layers.abandon(loose);
      const path = await asItCame?.catch(() => undefined);
      if (path !== undefined) await rm(path, { force: true });
    }
    this.#loose.clear();
  }

  async #takeOne(
    archive: Archive<Candidate>,
    path: string,
    diffId: string,
    parent: string | undefined,
  ): Promise<StoredLayer> {
    const id = chainIdOf(parent, diffId);
    const before = this.#stored.get(id);
    if (before !== undefined) return before;
    const present = this.#layers.holdWhole(id);
    const layer = present ?? (await this.#adopt(archive.piece(path), diffId, parent));
    this.held.push(layer.id);
    this.#stored.set(id, layer);
    return layer;
  }

  async #adopt(piece: Candidate | Buffer, diffId: string, parent: string | undefined): Promise<StoredLayer> {
    const loose = await this.#looseOf(piece, diffId);
    if (loose.diffId !== diffId) {
      this.#layers.abandon(loose);
      throw wrongDiffId(diffId, loose.diffId);
    }
    const total = Buffer.isBuffer(piece) ? piece.length : piece.sizeBytes;
    this.#report({ status: 'Loading layer', progressDetail: { current: total, total }, id: shortId(diffId) });
    return this.#layers.adopt(loose, parent);
  }

  async #looseOf(piece: Candidate | Buffer, diffId: string): Promise<LooseLayer> {
    if (Buffer.isBuffer(piece)) return this.#layers.unpack(only(piece), { expectedDiffId: diffId });
    const loose = await piece.unpacked;
    if (loose !== undefined && this.#loose.delete(piece)) return loose;
    // A tar of a kind that cannot be told by its beginning.
    if (piece.asItCame !== undefined) {
      return this.#layers.unpack(createReadStream(await piece.asItCame), { expectedDiffId: diffId });
    }
    // The same layer elsewhere: above others, or of another image.
    const [same] = this.#sourcesOf(diffId);
    const content = same === undefined ? this.#blobs.read(loose?.blob ?? '') : tarOfLayer(this.#stores, same);
    return this.#layers.unpack(content, { expectedDiffId: diffId });
  }

  /** Keeps a layer of that digest, if there is one, for as long as we may need its blob. */
  #holdSame(digest: string | undefined): boolean {
    const [found] = digest === undefined ? [] : this.#sourcesOf(digest);
    if (found === undefined || this.#layers.holdWhole(found.id) === undefined) return false;
    this.held.push(found.id);
    return true;
  }

  /** Layers here of this digest, be it that of its tar or that of the blob itself. */
  #sourcesOf(digest: string): StoredLayer[] {
    const layers = [...this.#catalogue.layers.all(), ...this.#stored.values()];
    return layers.filter(
      ({ diffId, blob }) => (diffId === digest || blob === digest) && (blob === undefined || this.#blobs.has(blob)),
    );
  }

  /** Writes a file that does not look like a layer; gives its path. */
  async #write(content: AsyncIterable<Uint8Array>, digest: string): Promise<string> {
    const spool = await Spool.create(this.#blobs.newPath());
    const digester = new Digester();
    try {
      for await (const chunk of content) {
        digester.update(chunk);
        await spool.write(chunk);
      }
      if (digester.finish() !== digest) throw fail('invalid-argument', `invalid archive: ${digest} is damaged`);
      return spool.path;
    } catch (error) {
      await rm(spool.path, { force: true });
      throw error;
    } finally {
      await spool.close();
    }
  }

  #unpack(content: AsyncIterable<Uint8Array>, total: number, digest: string | undefined): Promise<LooseLayer> {
    let toldAtMs = performance.now();
    return this.#layers.unpack(content, {
      ...(digest === undefined ? {} : { expectedDigest: digest }),
      onProgress: (current) => {
        if (digest === undefined || performance.now() - toldAtMs < progressEveryMs) return;
        toldAtMs = performance.now();
        this.#report({ status: 'Loading layer', progressDetail: { current, total }, id: shortId(digest) });
      },
    });
  }
}

async function* only(content: Uint8Array): AsyncGenerator<Uint8Array> {
  if (content.length > 0) yield content;
}

async function skip(content: AsyncIterable<Uint8Array>): Promise<undefined> {
  for await (const _ of content);
}
