import type { FileDifference, ImageDifference, ImageSide } from '#api';
import { familiarReference } from '#oci';
import type { Snapshots, TreeDifference } from '#store';
import type { Catalogue, StoredImage } from '../catalogue.ts';
import { startExaminer } from '../examine/examiner.ts';
import type { Layers } from '../layers.ts';
import { compareConfigs } from './config.ts';

export interface CompareOptions {
  readonly catalogue: Catalogue;
  readonly snapshots: Snapshots;
  readonly layers: Layers;
  readonly examinerCommand?: readonly string[];
}

/** Names are bytes on the disk; in an answer they are text. */
function fileOf({ path, kind, what, isDirectory, files, beforeBytes, afterBytes }: TreeDifference): FileDifference {
  return {
    Path: Buffer.from(path, 'latin1').toString('utf8'),
    Kind: kind,
    What: [...what],
    Directory: isDirectory,
    Files: files,
    SizeBefore: beforeBytes,
    SizeAfter: afterBytes,
  };
}

function sideOf(catalogue: Catalogue, { id, sizeBytes, chain }: StoredImage): ImageSide {
  return {
    Id: id,
    Names: catalogue.referencesOf(id).map(familiarReference),
    Size: sizeBytes,
    Layers: chain.length,
  };
}

/** Runs `body` while none of these layers can go. */
export async function holding<T>(layers: Layers, chainIds: readonly string[], body: () => Promise<T>): Promise<T> {
  const held = chainIds.filter((chainId) => layers.hold(chainId) !== undefined);
  try {
    return await body();
  } finally {
    layers.release(held);
  }
}

/** How an image differs from another, without running anything of them. Throws `not-found`. */
export async function compareImages(options: CompareOptions, before: string, after: string): Promise<ImageDifference> {
  const { catalogue, snapshots, layers } = options;
  const [one, other] = [catalogue.find(before), catalogue.find(after)];
  const paths = ({ chain }: StoredImage): string[] => chain.map(snapshots.layerPath).reverse();
  const { files, packages } = await holding(layers, [...one.chain, ...other.chain], async () => {
    using examiner = startExaminer(options.examinerCommand);
    return await examiner.ask('difference', { before: paths(one), after: paths(other) });
  });
  const shared = one.chain.filter((chainId, index) => other.chain[index] === chainId);
  return {
    Before: sideOf(catalogue, one),
    After: sideOf(catalogue, other),
    Files: files.map(fileOf),
    Packages: packages.map(({ manager, name, before: old, after: young }) => ({
      Manager: manager,
      Name: name,
      ...(old === undefined ? {} : { Before: old }),
      ...(young === undefined ? {} : { After: young }),
    })),
    Config: compareConfigs(one, other),
    SharedLayers: shared.length,
    SharedSize: shared.reduce((sum, chainId) => sum + (catalogue.layers.get(chainId)?.sizeBytes ?? 0), 0),
  };
}
