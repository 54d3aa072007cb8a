import { Digester } from '#oci';
import { fail } from '#std/errors';
import { inTurns } from '#std/in-turns';
import { type Blobs, decompress, detectCompression, packLayer, type Snapshots } from '#store';
import type { StoredLayer } from './catalogue.ts';
import { verified } from './verified.ts';

/** What is needed to give a layer's tar. */
export interface LayerStores {
  readonly blobs: Blobs;
  readonly snapshots: Pick<Snapshots, 'layerPath'>;
}

/** Packs a layer's directory; ends in an error when that gives another tar than it did. */
async function* packed({ snapshots }: LayerStores, layer: StoredLayer): AsyncGenerator<Uint8Array> {
  const digester = new Digester();
  for await (const chunk of inTurns(packLayer(snapshots.layerPath(layer.id)))) {
    digester.update(chunk);
    yield chunk;
  }
  if (digester.finish() !== layer.diffId) throw fail('internal', `layer ${layer.id} is damaged on disk`);
}

async function* unpacked(stores: LayerStores, blob: string): AsyncGenerator<Uint8Array> {
  const { source, compression } = await detectCompression(verified(stores.blobs, blob));
  yield* decompress(source, compression);
}

/** Whether a layer's tar can be given: it needs no blob, or that is there. */
export function hasTar({ blobs }: { readonly blobs: Pick<Blobs, 'has'> }, { blob }: StoredLayer): boolean {
  return blob === undefined || blobs.has(blob);
}

/** The tar of a layer that is held, out of its blob, or of its directory where it has none; ends in an error when it is damaged. */
export function tarOfLayer(stores: LayerStores, layer: StoredLayer): AsyncGenerator<Uint8Array> {
  return layer.blob === undefined ? packed(stores, layer) : unpacked(stores, layer.blob);
}
