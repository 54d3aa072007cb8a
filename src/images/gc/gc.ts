import type { ImageGcReport, ImageGcStep } from '#api';
import type { Events } from '#events';
import { formatDuration } from '#std/duration';
import { kindOf, messageOf } from '#std/errors';
import { log } from '#std/log';
import type { Snapshots } from '#store';
import { type RemoveOptions, removeAllNames } from '../remove.ts';
import { type ObserveOptions, observe } from './observe.ts';
import { type GcPlan, type GcStep, type Observed, planGc } from './plan.ts';
import { type ImageGcPolicy, watermarkText } from './policy.ts';

export interface GcOptions extends RemoveOptions, ObserveOptions {
  readonly snapshots: Snapshots;
  readonly events: Events;
  /** Asked each time; undefined when nothing is to be removed by itself. */
  readonly gcPolicy: () => ImageGcPolicy | undefined;
}

/** Removes images that nobody uses when the disk gets full. */
export interface ImageGc {
  /** What would be removed now, and why. */
  plan(): Promise<ImageGcReport>;
  /** Does it; another one that is at it is waited for. */
  run(): Promise<ImageGcReport>;
  /** Looks now whether there is something to be removed, and removes it, if a policy is set. */
  look(): void;
  /** Begins to look after it by itself, until `close`. */
  start(): void;
  close(): Promise<void>;
}

const lookEveryMs = 60_000;
const nsPerMs = 1_000_000;
const nothing: GcPlan = { reason: 'image-gc is not set in daemon.json', steps: [], kept: [], reclaims: 0 };

function stepOf({ kind, id, names, bytes, lastUsedMs, cause }: GcStep, skipped: string | undefined): ImageGcStep {
  return {
    Kind: kind,
    Id: id,
    Names: [...names],
    Size: bytes,
    LastUsed: new Date(lastUsedMs).toISOString(),
    Cause: cause,
    ...(skipped === undefined ? {} : { Skipped: skipped }),
  };
}

function reportOf(
  policy: ImageGcPolicy | undefined,
  observed: Observed,
  plan: GcPlan,
  skipped: ReadonlyMap<GcStep, string> = new Map(),
): ImageGcReport {
  const { fileSystem, imagesBytes } = observed;
  return {
    Enabled: policy !== undefined,
    Policy: {
      High: policy === undefined ? '' : watermarkText(policy.high),
      Low: policy === undefined ? '' : watermarkText(policy.low),
      KeepLast: policy?.keepLast ?? 0,
      Pinned: [...(policy?.pinned ?? [])],
      MinAge: policy === undefined ? '' : formatDuration(policy.minAgeMs * nsPerMs),
    },
    Observed: {
      FileSystemSize: fileSystem.sizeBytes,
      FileSystemUsed: fileSystem.usedBytes,
      ImagesSize: imagesBytes,
    },
    Reason: plan.reason,
    Steps: plan.steps.map((step) => stepOf(step, skipped.get(step))),
    Kept: plan.kept.map(({ id, names, reason }) => ({ Id: id, Names: [...names], Reason: reason })),
    Reclaims: plan.steps.reduce((sum, step) => sum + (skipped.has(step) ? 0 : step.bytes), 0),
  };
}

/** Does what a step says if it still can be done; says why not. */
function execute(options: GcOptions, step: GcStep): string | undefined {
  const { catalogue, events, blobs, layers, users } = options;
  if (step.kind === 'partial-download') return blobs.removePartial(step.id) ? undefined : 'somebody goes on with it';
  const image = catalogue.images.get(step.id);
  if (image === undefined) return 'it is gone already';
  if (image.chain.some(layers.isHeld)) return 'something reads or writes its layers by now';
  if ([...users()].some(({ imageId }) => imageId === step.id)) return 'a container uses it by now';
  const { id, bytes, cause, names } = step;
  try {
    // Its parents have steps of their own.
    removeAllNames(options, image, true);
    const attributes = { name: names[0] ?? id, reason: cause, reclaimed: String(bytes) };
    events.publish({ type: 'image', action: 'evict', id, attributes });
    return undefined;
  } catch (error) {
    if (kindOf(error) !== 'conflict' && kindOf(error) !== 'not-found') throw error;
    return messageOf(error);
  }
}

/** Puts the care for the disk together; nothing happens by itself until `start`. */
export function createImageGc(options: GcOptions): ImageGc {
  const { catalogue, lastUsed, snapshots } = options;
  let last: Promise<unknown> = Promise.resolve();
  let timer: ReturnType<typeof setInterval> | undefined;

  async function collect(): Promise<ImageGcReport> {
    const policy = options.gcPolicy();
    const observed = await observe(options);
    if (policy === undefined) return reportOf(policy, observed, nothing);
    lastUsed.keepOnly((id) => catalogue.images.get(id) !== undefined);
    const plan = planGc(observed, policy);
    const skipped = new Map<GcStep, string>();
    for (const step of plan.steps) {
      const why = execute(options, step);
      if (why !== undefined) skipped.set(step, why);
      log('info', why === undefined ? 'removed to make room' : 'not removed', {
        kind: step.kind,
        id: step.id,
        bytes: step.bytes,
        cause: step.cause,
        why,
      });
    }
    // What is on its way out counts as used until it is gone: the next look must not see it.
    await snapshots.settled();
    return reportOf(policy, observed, plan, skipped);
  }

  function run(): Promise<ImageGcReport> {
    const next = last.then(collect);
    last = next.catch(() => undefined);
    return next;
  }

  function look(): void {
    if (options.gcPolicy() === undefined) return;
    run().catch((error: unknown) => log('warn', 'images were not looked after', { error: messageOf(error) }));
  }

  return {
    async plan() {
      const policy = options.gcPolicy();
      const observed = await observe(options);
      return reportOf(policy, observed, policy === undefined ? nothing : planGc(observed, policy));
    },
    run,
    look,
    start() {
      timer ??= setInterval(look, lookEveryMs);
      timer.unref();
    },
    async close() {
      clearInterval(timer);
      await last;
    },
  };
}
