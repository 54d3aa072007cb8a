import type { Repository } from '#distribution';
import type { StoredLayer } from '../catalogue.ts';
import { type Packing, packStoredLayer } from '../packed-layer.ts';
import { type LayerTarget, mountFromOther, pushLayer } from './layer.ts';

/** Where layers of a build go. */
export interface BuiltPush {
  readonly repository: Repository;
  readonly packing: Packing;
  readonly signal: AbortSignal;
}

/** A layer as a repository has it. */
export interface PushedLayer {
  readonly diffId: string;
  /** OCI's. */
  readonly mediaType: string;
  readonly digest: string;
  readonly sizeBytes: number;
}

const gzipType = 'application/vnd.oci.image.layer.v1.tar+gzip';

async function pushPacked(target: LayerTarget, layer: StoredLayer, packing: Packing): Promise<PushedLayer> {
  const { repository, blobSources } = target;
  const packed = await packStoredLayer(target, layer, packing, target.signal);
  const { diffId, mediaType, digest, sizeBytes } = packed;
  try {
    const known = blobSources.get(digest);
    const isThere =
      (await repository.headBlob(digest)) !== undefined ||
      (known !== undefined && (await mountFromOther(target, [known])) !== undefined);
    if (!isThere) await repository.uploadBlob({ digest, sizeBytes, open: () => packed.read() });
  } finally {
    await packed.discard();
  }
  blobSources.put({ digest, diffId, mediaType, sizeBytes, repository: repository.name });
  return { diffId, mediaType, digest, sizeBytes };
}

/** Sees to it that a repository has a layer of a build, packed as is wanted; what it has already is not packed again. */
export async function pushBuiltLayer(target: LayerTarget, layer: StoredLayer, packing: Packing): Promise<PushedLayer> {
  const { compression, level, isForced = false, modifiedLimitSeconds } = packing;
  const isUsual = compression === 'gzip' && level === undefined && !isForced && modifiedLimitSeconds === undefined;
  if (!isUsual) return target.slots.run(() => pushPacked(target, layer, packing), target.signal);
  const { digest, size: sizeBytes } = await pushLayer(target, { layer });
  return { diffId: layer.diffId, mediaType: gzipType, digest, sizeBytes };
}
