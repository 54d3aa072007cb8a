import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { type Descriptor, Digester, digestOf, encodedOf } from '#oci';
import { fail } from '#std/errors';
import { shortId } from '#std/identifiers';
import { decompress, detectCompression } from '#store';
import type { Catalogue, StoredLayer } from './catalogue.ts';
import { hasTar, type LayerStores, tarOfLayer } from './layer-content.ts';
import type { Layers } from './layers.ts';
import type { ArchivedImage } from './load-archive.ts';
import type { Candidate } from './load-layers.ts';
import type { Archive } from './load-pieces.ts';
import type { NewManifest } from './manifests.ts';

interface Stores extends LayerStores {
  readonly catalogue: Catalogue;
  readonly layers: Layers;
}

async function diffIdOf(content: AsyncIterable<Uint8Array>): Promise<string> {
  const digester = new Digester();
  const { source, compression } = await detectCompression(content);
  for await (const chunk of decompress(source, compression)) digester.update(chunk);
  return digester.finish();
}

async function* only(content: Uint8Array): AsyncGenerator<Uint8Array> {
  if (content.length > 0) yield content;
}

/** Blobs of an archive that are kept as they come, beside its layers. Whoever has it releases what is held. */
export class ArchiveBlobs {
  /** What has to be let go. */
  readonly held: string[] = [];

  constructor(
    readonly stores: Stores,
    readonly archive: Archive<Candidate>,
  ) {}

  /**
   * The manifest of an image whose layers were taken, as it is to be recorded: where a layer here is compressed otherwise than
   * it says, the blob that it names is kept too. Undefined for one that lies about sizes, or whose layers are others.
   */
  async manifestOf(image: ArchivedImage, layers: readonly StoredLayer[]): Promise<NewManifest | undefined> {
    const { manifest } = image;
    if (manifest === undefined || manifest.record.artifactType !== undefined) return manifest;
    const { config, layers: descriptors } = manifest.record;
    if (config.digest !== image.id || config.size !== image.content.length) return undefined;
    const ownBlobs: string[] = [];
    for (const [index, descriptor] of descriptors.entries()) {
      const layer = layers[index];
      if (layer === undefined) return undefined;
      const isHere = layer.blob === descriptor.digest;
      if (!isHere && layer.diffId !== descriptor.digest) {
        if (!(await this.#keep(descriptor, layer))) continue;
        ownBlobs.push(descriptor.digest);
      }
      const sizeBytes = layer.diffId === descriptor.digest ? layer.tarSizeBytes : this.#sizeBytes(descriptor);
      if (sizeBytes !== descriptor.size) return undefined;
    }
    return { ...manifest, record: { ...manifest.record, ...(ownBlobs.length > 0 && { ownBlobs }) } };
  }

  /** Keeps all that an artifact consists of. Throws `invalid-argument` for what is missing, or cannot be kept. */
  async keepParts({ config, layers }: NewManifest['record']): Promise<void> {
    for (const { digest, size } of [config, ...layers]) {
      const piece = this.archive.piece(`blobs/sha256/${encodedOf(digest)}`);
      if (Buffer.isBuffer(piece)) this.#put(piece, digest);
      else await this.#keepUnpacked(piece, digest);
      if (this.#sizeBytes({ digest }) !== size) {
        throw fail('invalid-argument', `invalid archive: the size of ${digest} is not the one that its manifest says`);
      }
    }
  }

  /** Lets go what no record names. */
  release(): void {
    for (const digest of this.held.splice(0)) this.stores.layers.releaseBlob(digest);
  }

  #sizeBytes({ digest }: Pick<Descriptor, 'digest'>): number | undefined {
    return this.stores.blobs.sizeBytes(digest);
  }

  #hold(digest: string): void {
    this.stores.layers.holdBlob(digest);
    this.held.push(digest);
  }

  #put(content: Buffer, digest: string): void {
    if (digestOf(content) !== digest) throw fail('invalid-argument', `invalid archive: ${digest} is damaged`);
    this.#hold(digest);
    this.stores.blobs.put(content);
  }

  /** Keeps the blob of a layer that is here compressed otherwise; false when it is not in the archive, or another layer. */
  async #keep({ digest }: Descriptor, { diffId }: StoredLayer): Promise<boolean> {
    const path = `blobs/sha256/${encodedOf(digest)}`;
    if (!this.archive.has(path)) return false;
    const piece = this.archive.piece(path);
    if (Buffer.isBuffer(piece)) {
      if ((await diffIdOf(only(piece))) !== diffId) return false;
      this.#put(piece, digest);
      return true;
    }
    const found = await piece.unpacked;
    // Nothing was made of it: a layer of that blob was here.
    const isSame = found === undefined ? this.stores.blobs.has(digest) : found.blob === digest;
    if (!isSame || (found?.diffId ?? (await diffIdOf(this.stores.blobs.read(digest)))) !== diffId) return false;
    this.#hold(digest);
    return true;
  }

  /** A large file that was taken for a layer, or could have been one, but is to be kept as it came. */
  async #keepUnpacked({ unpacked, asItCame }: Candidate, digest: string): Promise<void> {
    const { blobs, catalogue } = this.stores;
    if (asItCame !== undefined) {
      this.#hold(digest);
      if (!blobs.has(digest)) await blobs.take(await asItCame, digest);
      return;
    }
    const found = await unpacked.catch((error: unknown) => {
      const reason = 'what is compressed and larger than 256 KiB must be a tar';
      throw fail('invalid-argument', `the blob ${shortId(digest)} of an artifact cannot be loaded: ${reason}`, error);
    });
    this.#hold(digest);
    if (blobs.has(digest)) return;
    // Nothing was made of it: a layer of that tar was here, which is held.
    const same = [...catalogue.layers.all()].find((layer) => layer.diffId === digest && hasTar({ blobs }, layer));
    const { source, compression } = await detectCompression(
      found === undefined && same !== undefined ? tarOfLayer(this.stores, same) : blobs.read(found?.blob ?? digest),
    );
    const path = blobs.newPath();
    await pipeline(decompress(source, compression), createWriteStream(path, { flags: 'wx', mode: 0o600 }));
    await blobs.take(path, digest);
  }
}
