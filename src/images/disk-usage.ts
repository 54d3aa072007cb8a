import type { Catalogue } from './catalogue.ts';

/** What images take on the disk. */
export interface LayerUsage {
  /** All layers, each once. */
  readonly totalBytes: number;
  /** Bytes of an image's layers that other images have too. */
  sharedBytes(chain: readonly string[]): number;
}

/** Counts the layers of all images. */
export function layerUsage(catalogue: Catalogue): LayerUsage {
  const users = new Map<string, number>();
  for (const { chain } of catalogue.images.all()) {
    for (const chainId of new Set(chain)) users.set(chainId, (users.get(chainId) ?? 0) + 1);
  }
  const sizeOf = (chainId: string): number => catalogue.layers.get(chainId)?.sizeBytes ?? 0;
  let totalBytes = 0;
  for (const { sizeBytes } of catalogue.layers.all()) totalBytes += sizeBytes;
  return {
    totalBytes,
    sharedBytes: (chain) =>
      chain.reduce((sum, chainId) => sum + ((users.get(chainId) ?? 0) > 1 ? sizeOf(chainId) : 0), 0),
  };
}
