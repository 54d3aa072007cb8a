import type { ImageCheckReport, ImageProblem, ProgressMessage } from '#api';
import { familiarReference } from '#oci';
import { fail, messageOf } from '#std/errors';
import { shortId } from '#std/identifiers';
import { syncFileSystem } from '#store';
import type { StoredImage, StoredLayer } from '../catalogue.ts';
import { type Examiner, startExaminer } from '../examine/examiner.ts';
import type { CheckRequest } from '../types.ts';
import {
  blobsAsTheyCame,
  damagedManifests,
  type ExaminedLayer,
  examineLayer,
  isWhole,
  layerProblems,
  ownProblems,
} from './examined.ts';
import { type HealOptions, healBlob, healConfig, healManifest, healPackedBlob, healTree } from './heal.ts';

export type CheckOptions = HealOptions & { readonly examinerCommand?: readonly string[] };

/** What was done for one image. */
interface Notes {
  readonly healed: string[];
  readonly notHealed: string[];
}

type Progress = AsyncGenerator<ProgressMessage, ExaminedLayer>;

class Check {
  /** Layers that were looked at already, for other images. */
  readonly #examined = new Map<string, ExaminedLayer>();

  constructor(
    readonly options: CheckOptions,
    readonly request: CheckRequest,
    readonly examiner: Examiner,
  ) {}

  async *image(image: StoredImage): AsyncGenerator<ProgressMessage> {
    const { catalogue, layers } = this.options;
    const notes: Notes = { healed: [], notHealed: [] };
    const held = image.chain.filter((chainId) => layers.hold(chainId) !== undefined);
    try {
      yield* this.#own(image, notes);
      const found: ExaminedLayer[] = [];
      for (const layer of image.chain.flatMap((chainId) => catalogue.layers.get(chainId) ?? [])) {
        found.push(yield* this.#layer(layer, found.at(-1), notes));
      }
      const parts = yield* this.#packed(image, notes);
      // Removed meanwhile: what it lacks is no damage.
      if (catalogue.images.get(image.id) === undefined) return;
      const problems = [...ownProblems(this.options, image), ...parts, ...found.flatMap(layerProblems)];
      const unnamed = found.reduce((sum, { report }) => sum + report.faultsTotal - report.faults.length, 0);
      const report: ImageCheckReport = {
        Id: image.id,
        Names: catalogue.referencesOf(image.id).map(familiarReference),
        Problems: problems,
        ProblemsTotal: problems.length + unnamed,
        Healed: notes.healed,
        NotHealed: notes.notHealed,
      };
      yield { aux: report };
    } finally {
      layers.release(held);
    }
  }

  /** What is the image's own: its configuration and manifests. */
  async *#own(image: StoredImage, notes: Notes): AsyncGenerator<ProgressMessage> {
    if (!this.request.repair) return;
    const heal = async (what: string, how: () => Promise<string>): Promise<void> => {
      try {
        notes.healed.push(`${what}, from ${await how()}`);
      } catch (error) {
        this.request.signal.throwIfAborted();
        notes.notHealed.push(`${what}: ${messageOf(error)}`);
      }
    };
    if (ownProblems(this.options, image).some(({ Subject }) => Subject === 'config')) {
      yield { id: shortId(image.id), status: 'Fetching' };
      await heal('the configuration', () => healConfig(this.options, this.request, image));
    }
    for (const digest of damagedManifests(this.options, image)) {
      yield { id: shortId(digest), status: 'Fetching' };
      const how = () => healManifest(this.options, this.request, image, digest);
      await heal(`the manifest ${shortId(digest)}`, how);
    }
  }

  /** Blobs that are not unpacked. */
  async *#packed(image: StoredImage, notes: Notes): AsyncGenerator<ProgressMessage, ImageProblem[]> {
    const problems: ImageProblem[] = [];
    const { catalogue, blobs } = this.options;
    for (const descriptor of blobsAsTheyCame(catalogue, image)) {
      const { digest } = descriptor;
      yield { id: shortId(digest), status: 'Verifying' };
      const fault = await this.examiner.ask('blob', { path: blobs.path(digest), digest });
      if (fault === null) continue;
      try {
        if (!this.request.repair) throw fail('conflict', `the blob ${fault}`);
        const from = await healPackedBlob(this.options, this.request, image, descriptor);
        notes.healed.push(`the blob ${shortId(digest)}, from ${from}`);
      } catch (error) {
        this.request.signal.throwIfAborted();
        problems.push({ Subject: 'blob', Digest: digest, Message: `the blob ${fault}` });
        if (this.request.repair) notes.notHealed.push(`the blob ${shortId(digest)}: ${messageOf(error)}`);
      }
    }
    return problems;
  }

  async *#layer(layer: StoredLayer, below: ExaminedLayer | undefined, notes: Notes): Progress {
    const known = this.#examined.get(layer.id);
    if (known !== undefined) return known;
    yield { id: shortId(layer.diffId), status: 'Verifying' };
    const root = below?.report.root;
    let found = await examineLayer(this.options, this.examiner, layer, root);
    if (!isWhole(found.report) && this.request.repair) {
      yield { id: shortId(layer.diffId), status: 'Repairing' };
      await this.#heal(found, below, notes);
      const now = this.options.catalogue.layers.get(layer.id) ?? layer;
      found = await examineLayer(this.options, this.examiner, now, root);
    }
    yield { id: shortId(layer.diffId), status: isWhole(found.report) ? 'Whole' : 'Damaged' };
    this.#examined.set(layer.id, found);
    return found;
  }

  async #heal({ layer, report }: ExaminedLayer, below: ExaminedLayer | undefined, notes: Notes): Promise<void> {
    const name = shortId(layer.diffId);
    let present = layer;
    let { faultsTotal, treeFault } = report;
    try {
      if (report.blobFault !== undefined || layer.blob === undefined) {
        const healed = await healBlob(this.options, this.request, layer);
        const again = await examineLayer(this.options, this.examiner, healed.layer, below?.report.root);
        if (again.report.blobFault !== undefined) throw fail('internal', `the blob ${again.report.blobFault}`);
        ({ faultsTotal, treeFault } = again.report);
        present = healed.layer;
        await this.#record(layer, present);
        notes.healed.push(`the blob of layer ${name}, from ${healed.from}`);
      }
      if (faultsTotal === 0 && treeFault === undefined) return;
      await healTree(this.options, present, below?.layer.id);
      notes.healed.push(`layer ${name}, unpacked anew`);
    } catch (error) {
      this.request.signal.throwIfAborted();
      notes.notHealed.push(`layer ${name}: ${messageOf(error)}`);
    }
  }

  /** On disk before a record names it. */
  async #record(before: StoredLayer, now: StoredLayer): Promise<void> {
    const { records, catalogue, blobs, dataRoot } = this.options;
    await syncFileSystem(dataRoot);
    if (now.blob === before.blob) return;
    records.transaction(() => catalogue.layers.put(now), { durable: true });
    if (before.blob !== undefined) blobs.delete(before.blob);
  }
}

async function* check(
  options: CheckOptions,
  images: readonly StoredImage[],
  request: CheckRequest,
): AsyncGenerator<ProgressMessage> {
  using examiner = startExaminer(options.examinerCommand);
  const run = new Check(options, request, examiner);
  for (const image of images) {
    request.signal.throwIfAborted();
    // Removed meanwhile: then there is nothing to be told of it.
    if (options.catalogue.images.get(image.id) !== undefined) yield* run.image(image);
  }
}

/**
 * Verifies images, all of them when none is named: records, configuration, blobs, and each file of each layer. Progress, and a
 * report (`aux`) for each image. Throws `not-found` at once.
 */
export function checkImages(
  options: CheckOptions,
  names: readonly string[],
  request: CheckRequest,
): AsyncIterable<ProgressMessage> {
  const { catalogue } = options;
  const images = names.length === 0 ? [...catalogue.images.all()] : names.map((name) => catalogue.find(name));
  return check(options, [...new Set(images)], request);
}
