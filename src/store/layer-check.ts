import { createReadStream, existsSync, statSync } from 'node:fs';
import { createTarReader, Digester } from '#oci';
import { messageOf } from '#std/errors';
import { decompress, detectCompression } from './blobs-compression.ts';
import { compareLayer, type LayerFault, type RootAttributes } from './layer-compare.ts';
import { LayerModel } from './layer-model.ts';
import { packLayer } from './layer-pack.ts';

/** A layer to be checked: its blob, its tree, and what the records say of them. */
export interface LayerToCheck {
  /** Not there for one whose tar is packed of its tree: then that is all that can be compared. */
  readonly blob?: { readonly path: string; readonly digest: string };
  readonly tree: string;
  readonly diffId: string;
  readonly tarSizeBytes: number;
  /** Of the layer below. */
  readonly inheritedRoot: RootAttributes;
}

export interface LayerReport {
  /** What is wrong with the blob; undefined when it is whole. */
  readonly blobFault?: string;
  /** Why the tree could not be compared, or that it is not there. */
  readonly treeFault?: string;
  /** What is wrong with files of the tree, the first `faultsLimit` of them. */
  readonly faults: readonly LayerFault[];
  readonly faultsTotal: number;
  /** Of this layer's root, for the next one. */
  readonly root: RootAttributes;
}

/** Of one layer so many files are named; the others are counted. */
export const faultsLimit = 1000;
const chunkBytes = 1024 * 1024;

/** Root of a layer that has none below it and brings no entry for it. */
export const bareRoot: RootAttributes = { mode: 0o755, uid: 0, gid: 0 };

async function digestOfFile(path: string): Promise<string> {
  const digester = new Digester();
  for await (const chunk of createReadStream(path, { highWaterMark: chunkBytes })) digester.update(chunk as Uint8Array);
  return digester.finish();
}

/** What is wrong with the file of a blob; undefined when it is whole. */
export async function blobFaultOf(path: string, digest: string): Promise<string | undefined> {
  if (!existsSync(path)) return 'is missing';
  const found = await digestOfFile(path);
  return found === digest ? undefined : `has the digest ${found}`;
}

/** Reads the tar of a blob that has its digest: the tar's own digest, and the tree that it stands for. */
async function readTar(layer: LayerToCheck, blobPath: string): Promise<{ fault?: string; model?: LayerModel }> {
  const model = new LayerModel();
  const reader = createTarReader(model);
  const digester = new Digester();
  try {
    const file = createReadStream(blobPath, { highWaterMark: chunkBytes });
    const { source, compression } = await detectCompression(file);
    for await (const chunk of decompress(source, compression)) {
      digester.update(chunk);
      await reader.write(chunk);
    }
    reader.close();
  } catch (error) {
    return { fault: `cannot be read: ${messageOf(error)}` };
  }
  const { sizeBytes } = digester;
  const diffId = digester.finish();
  if (diffId !== layer.diffId) return { fault: `holds the tar ${diffId}, not ${layer.diffId}` };
  if (sizeBytes === layer.tarSizeBytes) return { model };
  return { model, fault: `holds ${sizeBytes} bytes of tar, the records say ${layer.tarSizeBytes}` };
}

/** Checks a layer that has no blob: by the digest of the tar that its tree gives. */
function checkTree({ tree, diffId, inheritedRoot: root }: LayerToCheck): LayerReport {
  const report = { faults: [], faultsTotal: 0, root };
  if (statSync(tree, { throwIfNoEntry: false })?.isDirectory() !== true) return { ...report, treeFault: 'is missing' };
  const digester = new Digester();
  for (const chunk of packLayer(tree)) digester.update(chunk);
  const found = digester.finish();
  return found === diffId ? report : { ...report, treeFault: `gives the tar ${found}` };
}

/** Checks one layer: its blob's digest, its tar's, and every file of its tree against the tar. */
export async function checkLayer(layer: LayerToCheck): Promise<LayerReport> {
  const { blob } = layer;
  if (blob === undefined) return checkTree(layer);
  const damage = await blobFaultOf(blob.path, blob.digest);
  const { fault, model } = damage === undefined ? await readTar(layer, blob.path) : { fault: damage, model: undefined };
  const blobFault = fault === undefined ? {} : { blobFault: fault };
  const none = { ...blobFault, faults: [], faultsTotal: 0, root: layer.inheritedRoot };
  const isThere = statSync(layer.tree, { throwIfNoEntry: false })?.isDirectory() === true;
  if (model === undefined) {
    return { ...none, treeFault: isThere ? 'cannot be compared without its blob' : 'is missing' };
  }
  const { isImplied, mode, uid, gid } = model.root;
  const root = isImplied ? layer.inheritedRoot : { mode, uid, gid };
  if (!isThere) return { ...none, treeFault: 'is missing', root };
  const faults: LayerFault[] = [];
  let faultsTotal = 0;
  for (const found of compareLayer(layer.tree, model, layer.inheritedRoot)) {
    faultsTotal += 1;
    if (faults.length < faultsLimit) faults.push(found);
  }
  return { ...blobFault, faults, faultsTotal, root };
}
