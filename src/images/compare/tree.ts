import type { ImageTree, ImageTreeLeaf, ImageTreeNode } from '#api';
import { familiarReference } from '#oci';
import type { Catalogue, StoredImage } from '../catalogue.ts';
import { layerUsage } from '../disk-usage.ts';
import type { ImageUser } from '../types.ts';

interface TreeOptions {
  readonly catalogue: Catalogue;
  readonly users: () => Iterable<ImageUser & { imageId: string }>;
}

interface Branch {
  readonly chainId: string;
  readonly children: Map<string, Branch>;
  /** Images that end here. */
  readonly ends: StoredImage[];
}

/** A branch of one child and no image of its own is one node with it: only where ways part is something to be told. */
function nodeOf(
  { catalogue }: TreeOptions,
  branch: Branch,
  leaf: (image: StoredImage) => ImageTreeLeaf,
): ImageTreeNode {
  const run = [branch];
  for (let last = branch; last.ends.length === 0 && last.children.size === 1; ) {
    const [only] = last.children.values();
    if (only === undefined) break;
    run.push(only);
    last = only;
  }
  const end = run.at(-1) ?? branch;
  const layers = run.flatMap(({ chainId }) => catalogue.layers.get(chainId) ?? []);
  const children = [...end.children.values()].map((child) => nodeOf({ catalogue, users: () => [] }, child, leaf));
  return {
    Layers: layers.map(({ diffId }) => diffId),
    Size: layers.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    Sharers: end.ends.length + children.reduce((sum, { Sharers }) => sum + Sharers, 0),
    Images: end.ends.map(leaf),
    Children: children,
  };
}

/** All images by the layers that they share, or those that share any with the ones that are named. Throws `not-found`. */
export function imageTree(options: TreeOptions, names: readonly string[]): ImageTree {
  const { catalogue, users } = options;
  const bases = new Set(names.map((name) => catalogue.find(name)).map(({ chain, id }) => chain[0] ?? id));
  const usage = layerUsage(catalogue);
  const references = catalogue.referencesByImage();
  const used = Map.groupBy(users(), ({ imageId }) => imageId);
  const leaf = (image: StoredImage): ImageTreeLeaf => ({
    Id: image.id,
    Names: (references.get(image.id) ?? []).map(familiarReference),
    Size: image.sizeBytes,
    SharedSize: usage.sharedBytes(image.chain),
    Containers: (used.get(image.id) ?? []).map(({ containerId, running }) => ({ Id: containerId, Running: running })),
  });
  const roots = new Map<string, Branch>();
  const nameOf = ({ id }: StoredImage): string => references.get(id)?.map(familiarReference)[0] ?? `~${id}`;
  const images = [...catalogue.images.all()].sort((one, other) => (nameOf(one) < nameOf(other) ? -1 : 1));
  for (const image of images) {
    if (names.length > 0 && !bases.has(image.chain[0] ?? image.id)) continue;
    let level = roots;
    let branch: Branch | undefined;
    // An image without layers is a root by itself.
    for (const chainId of image.chain.length === 0 ? [image.id] : image.chain) {
      branch = level.get(chainId) ?? { chainId, children: new Map(), ends: [] };
      level.set(chainId, branch);
      level = branch.children;
    }
    branch?.ends.push(image);
  }
  return { Roots: [...roots.values()].map((root) => nodeOf(options, root, leaf)) };
}
