import type { ImageProblem } from '#api';
import { chainOf, type Descriptor, digestOf, encodedOf, parseImageConfig } from '#oci';
import { messageOf } from '#std/errors';
import { type Blobs, bareRoot, type LayerReport, type RootAttributes, type Snapshots } from '#store';
import type { Catalogue, StoredImage, StoredLayer } from '../catalogue.ts';
import type { Examiner } from '../examine/examiner.ts';
import { manifestsOf } from '../manifests.ts';

/** What was found of one layer, for all images that have it. */
export interface ExaminedLayer {
  readonly layer: StoredLayer;
  readonly report: LayerReport;
}

/** Whether nothing is wrong with a layer. */
export function isWhole({ blobFault, treeFault, faultsTotal }: LayerReport): boolean {
  return blobFault === undefined && treeFault === undefined && faultsTotal === 0;
}

/** Examines a layer; `inheritedRoot` is the root of the one below it. */
export async function examineLayer(
  { blobs, snapshots }: { blobs: Blobs; snapshots: Snapshots },
  examiner: Examiner,
  layer: StoredLayer,
  inheritedRoot: RootAttributes = bareRoot,
): Promise<ExaminedLayer> {
  const { id, blob, diffId, tarSizeBytes } = layer;
  const content = blob === undefined ? {} : { blob: { path: blobs.path(blob), digest: blob } };
  const ask = { ...content, tree: snapshots.layerPath(id), diffId, tarSizeBytes, inheritedRoot };
  return { layer, report: await examiner.ask('layer', ask) };
}

/** What is wrong with a layer, in words. */
export function layerProblems({ layer, report }: ExaminedLayer): ImageProblem[] {
  const problems: ImageProblem[] = [];
  const { blobFault, treeFault, faults } = report;
  if (blobFault !== undefined && layer.blob !== undefined) {
    problems.push({ Subject: 'blob', Digest: layer.blob, Message: `the blob ${blobFault}` });
  }
  const of = { Subject: 'layer', Digest: layer.diffId } as const;
  if (treeFault !== undefined) problems.push({ ...of, Message: `the unpacked layer ${treeFault}` });
  for (const { path, kind, what } of faults) {
    const Path = Buffer.from(path, 'latin1').toString('utf8');
    problems.push({ ...of, Path, Message: what.length === 0 ? kind : `${kind}: ${what.join(', ')}` });
  }
  return problems;
}

/** Whether the configuration is there, and says what the record says. */
function configProblem(blobs: Blobs, image: StoredImage, isArtifact: boolean): string | undefined {
  if (!blobs.has(image.id)) return 'the configuration is missing';
  const content = blobs.get(image.id);
  const digest = digestOf(content);
  if (digest !== image.id) return `the configuration has the digest ${digest}`;
  // An artifact's id is that of its manifest.
  if (isArtifact) return undefined;
  try {
    const { rootfs } = parseImageConfig(content);
    if (!Bun.deepEquals(rootfs.diff_ids, [...image.diffIds]))
      return 'the configuration names other layers than the record';
  } catch (error) {
    return `the configuration cannot be read: ${messageOf(error)}`;
  }
  return undefined;
}

/** Digests of an image's manifests and indexes of which the content is not there, or is another. */
export function damagedManifests(
  { blobs, catalogue }: { blobs: Blobs; catalogue: Catalogue },
  image: StoredImage,
): string[] {
  const digests = manifestsOf(catalogue.manifests, image.id).flatMap(({ id, indexes }) => [
    id,
    ...indexes.map(({ digest }) => digest),
  ]);
  return [...new Set(digests)].filter((digest) => !blobs.has(digest) || digestOf(blobs.get(digest)) !== digest);
}

/** Blobs that are kept as they came: what an artifact consists of, and an image's layers for its manifest alone. */
export function blobsAsTheyCame(catalogue: Catalogue, image: StoredImage): Descriptor[] {
  const manifests = manifestsOf(catalogue.manifests, image.id);
  const all = manifests.flatMap(({ config, layers, artifactType, ownBlobs }) =>
    artifactType === undefined ? layers.filter(({ digest }) => ownBlobs?.includes(digest)) : [config, ...layers],
  );
  return [...new Map(all.map((descriptor) => [descriptor.digest, descriptor])).values()];
}

/** What is wrong with an image apart from its layers. */
export function ownProblems(
  { blobs, catalogue }: { blobs: Blobs; catalogue: Catalogue },
  image: StoredImage,
): ImageProblem[] {
  const isArtifact = manifestsOf(catalogue.manifests, image.id).some(({ artifactType }) => artifactType !== undefined);
  const config = configProblem(blobs, image, isArtifact);
  const problems: ImageProblem[] =
    config === undefined ? [] : [{ Subject: 'config', Digest: image.id, Message: config }];
  for (const digest of damagedManifests({ blobs, catalogue }, image)) {
    problems.push({ Subject: 'manifest', Digest: digest, Message: 'the manifest is missing or damaged' });
  }
  if (!Bun.deepEquals(chainOf(image.diffIds), [...image.chain])) {
    problems.push({ Subject: 'record', Digest: image.id, Message: 'the record names other layers than it should' });
  }
  for (const [index, chainId] of image.chain.entries()) {
    if (catalogue.layers.get(chainId) !== undefined) continue;
    const Message = `no record of the layer ${encodedOf(chainId).slice(0, 12)}`;
    problems.push({ Subject: 'record', Digest: image.diffIds[index] ?? chainId, Message });
  }
  return problems;
}
