import { printSize } from '#std/sizes';
import { type ImageGcPolicy, pinnedTest, type Watermark, watermarkText } from './policy.ts';

/** A layer and what goes with it: unpacked files and blob. */
export interface ObservedLayer {
  readonly id: string;
  readonly bytes: number;
}

export interface ObservedImage {
  readonly id: string;
  /** Familiar names, tags and digests. */
  readonly names: readonly string[];
  readonly repositories: readonly string[];
  readonly createdMs: number;
  readonly lastUsedMs: number;
  readonly layers: readonly ObservedLayer[];
  /** Containers made from it, by their short ids. */
  readonly containers: readonly string[];
  /** The image that it was made from, when that is there. */
  readonly parentId?: string;
  /** It is being pulled, pushed, saved or built on. */
  readonly isHeld: boolean;
}

export interface ObservedPartial {
  readonly digest: string;
  readonly bytes: number;
  readonly modifiedMs: number;
}

/** What there is, at one moment. */
export interface Observed {
  readonly nowMs: number;
  readonly fileSystem: { readonly sizeBytes: number; readonly usedBytes: number };
  readonly imagesBytes: number;
  readonly images: readonly ObservedImage[];
  readonly partials: readonly ObservedPartial[];
  /** Layers that containers stand on, whose image may be gone. */
  readonly layersOfContainers: ReadonlySet<string>;
}

/** Something to be removed, and why. */
export interface GcStep {
  readonly kind: 'image' | 'partial-download';
  readonly id: string;
  readonly names: readonly string[];
  readonly bytes: number;
  readonly lastUsedMs: number;
  readonly cause: string;
}

/** What to do, as data. */
export interface GcPlan {
  /** Why there is something to be done, or nothing. */
  readonly reason: string;
  readonly steps: readonly GcStep[];
  readonly kept: readonly { readonly id: string; readonly names: readonly string[]; readonly reason: string }[];
  readonly reclaims: number;
}

/** A download that nobody has gone on with for so long will not be. */
const partialAgeMs = 24 * 3600 * 1000;

function usedOf({ fileSystem, imagesBytes }: Observed, mark: Watermark): number {
  return 'percent' in mark ? fileSystem.usedBytes : imagesBytes;
}

function limitOf({ fileSystem }: Observed, mark: Watermark): number {
  return 'percent' in mark ? (fileSystem.sizeBytes * mark.percent) / 100 : mark.bytes;
}

function stateText(observed: Observed, mark: Watermark): string {
  const { sizeBytes, usedBytes } = observed.fileSystem;
  if ('bytes' in mark) return `images take ${printSize(observed.imagesBytes)}`;
  return `the file system is ${sizeBytes === 0 ? 0 : ((usedBytes * 100) / sizeBytes).toFixed(1)}% full`;
}

function shown(mark: Watermark): string {
  return 'bytes' in mark ? printSize(mark.bytes) : watermarkText(mark);
}

/** The images that are among the newest of a repository, with which. */
function newestOf(images: readonly ObservedImage[], count: number): Map<string, string> {
  const newest = new Map<string, string>();
  const repositories = new Set(images.flatMap((image) => image.repositories));
  for (const repository of repositories) {
    const own = images.filter((image) => image.repositories.includes(repository));
    own.sort((one, other) => other.createdMs - one.createdMs || (one.id < other.id ? -1 : 1));
    for (const { id } of own.slice(0, count)) newest.set(id, repository);
  }
  return newest;
}

function ago(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 120) return `${minutes} minutes`;
  return minutes < 2 * 24 * 60 ? `${Math.floor(minutes / 60)} hours` : `${Math.floor(minutes / (24 * 60))} days`;
}

/** Why an image stays whatever happens; undefined when it may go. */
function reasonsToStay(observed: Observed, policy: ImageGcPolicy): (image: ObservedImage) => string | undefined {
  const newest = newestOf(observed.images, policy.keepLast);
  const pinned = pinnedTest(policy.pinned);
  return ({ id, names, containers, isHeld, lastUsedMs }) => {
    if (containers.length > 0) return `used by container ${containers.join(', ')}`;
    if (isHeld) return 'busy: something reads or writes its layers';
    const pattern = names.map(pinned).find((each) => each !== undefined);
    if (pattern !== undefined) return `pinned by ${pattern}`;
    const repository = newest.get(id);
    if (repository !== undefined) return `one of the newest ${policy.keepLast} of ${repository}`;
    const idleMs = observed.nowMs - lastUsedMs;
    return idleMs < policy.minAgeMs ? `used ${ago(idleMs)} ago` : undefined;
  };
}

/** Counts who has a layer, so that its bytes count when the last one goes. */
class LayerCounts {
  readonly #users = new Map<string, number>();

  constructor(observed: Observed) {
    for (const { layers } of observed.images) for (const id of this.#idsOf(layers)) this.#add(id, 1);
    for (const id of observed.layersOfContainers) this.#add(id, 1);
  }

  /** Bytes that go with an image. */
  remove(layers: readonly ObservedLayer[]): number {
    let bytes = 0;
    const sizes = new Map(layers.map((layer) => [layer.id, layer.bytes]));
    for (const id of this.#idsOf(layers)) {
      this.#add(id, -1);
      if (this.#users.get(id) === 0) bytes += sizes.get(id) ?? 0;
    }
    return bytes;
  }

  #idsOf(layers: readonly ObservedLayer[]): Set<string> {
    return new Set(layers.map(({ id }) => id));
  }

  #add(id: string, count: number): void {
    this.#users.set(id, (this.#users.get(id) ?? 0) + count);
  }
}

function partialSteps({ partials, nowMs }: Observed): GcStep[] {
  return partials
    .filter(({ modifiedMs }) => nowMs - modifiedMs >= partialAgeMs)
    .map(({ digest, bytes, modifiedMs }) => {
      const cause = `a download that nobody has gone on with for ${ago(nowMs - modifiedMs)}`;
      return { kind: 'partial-download', id: digest, names: [], bytes, lastUsedMs: modifiedMs, cause };
    });
}

/** Makes a plan out of what there is and what is wanted; nothing is done, and nothing else is looked at. */
export function planGc(observed: Observed, policy: ImageGcPolicy): GcPlan {
  const { high, low } = policy;
  const whyStays = reasonsToStay(observed, policy);
  const marked = observed.images.map((image) => ({ image, reason: whyStays(image) }));
  const kept = marked.flatMap(({ image: { id, names }, reason }) =>
    reason === undefined ? [] : { id, names, reason },
  );
  const steps = partialSteps(observed);
  let reclaims = steps.reduce((sum, { bytes }) => sum + bytes, 0);
  const state = stateText(observed, high);
  if (usedOf(observed, high) <= limitOf(observed, high)) {
    const reason = `${state}, not above ${shown(high)}`;
    return { reason, steps, kept, reclaims };
  }
  const wanted = usedOf(observed, low) - limitOf(observed, low);
  const layers = new LayerCounts(observed);
  const candidates = marked.filter(({ reason }) => reason === undefined).map(({ image }) => image);
  candidates.sort((one, other) => one.lastUsedMs - other.lastUsedMs || (one.id < other.id ? -1 : 1));
  const children = new Map<string, number>();
  for (const { parentId = '' } of observed.images) children.set(parentId, (children.get(parentId) ?? 0) + 1);
  while (candidates.length > 0) {
    // What others were made from can go only after these.
    const next = candidates.findIndex(({ id }) => !children.get(id));
    if (reclaims >= wanted || next === -1) break;
    const [image] = candidates.splice(next, 1);
    if (image === undefined) break;
    const { id, names, lastUsedMs, layers: own, parentId = '' } = image;
    children.set(parentId, (children.get(parentId) ?? 0) - 1);
    const bytes = layers.remove(own);
    const cause = `nobody has used it for ${ago(observed.nowMs - lastUsedMs)}, and ${state}`;
    steps.push({ kind: 'image', id, names, bytes, lastUsedMs, cause });
    reclaims += bytes;
  }
  const reason = reclaims >= wanted ? 'enough is freed without it' : 'an image that stays was made from it';
  for (const { id, names } of candidates) kept.push({ id, names, reason });
  const enough = reclaims >= wanted ? '' : '; what may go is not enough';
  return { reason: `${state}, above ${shown(high)}: down to ${shown(low)}${enough}`, steps, kept, reclaims };
}
