import type { ContainerStats } from '#api';
import type { Catalog } from '../catalog.ts';
import type { ContainerPaths } from '../paths.ts';
import type { ContainerRecord } from '../record.ts';
import { readSystemCpu, type Sample, type SystemCpu, statsOf, takeSample } from './sample.ts';

/** How far apart the two samples of one answer are: enough for a percentage, too little to be waited for. */
const pairMs = 100;
/** A sample so old or younger may be the first of the two: Docker's are a second apart. */
const keptMs = 2000;
const intervalMs = 1000;
/** Containers looked at in one go, so that 200 of them do not keep a request waiting. */
const sliceSize = 16;

/** What containers use, once or every second. */
export interface Stats {
  /** One sample, with the one before it unless `isAlone`. Throws `not-found`. */
  once(name: string, options: { isAlone: boolean }): Promise<ContainerStats>;
  /** A sample each second, until the container is removed or `signal` aborts. Throws `not-found`, before it returns. */
  stream(name: string, signal: AbortSignal): AsyncIterable<ContainerStats>;
}

/** One client's stream: a client that reads slowly gets the newest sample, and the ones between are dropped. */
class Subscription {
  #pending: ContainerStats | undefined;
  #isEnded = false;
  #wake: (() => void) | undefined;

  constructor(readonly id: string) {}

  offer(stats: ContainerStats): void {
    this.#pending = stats;
    this.#wake?.();
  }

  end(): void {
    this.#isEnded = true;
    this.#wake?.();
  }

  /** The next sample; undefined at the end. */
  async next(): Promise<ContainerStats | undefined> {
    while (this.#pending === undefined && !this.#isEnded) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const taken = this.#pending;
    this.#pending = undefined;
    return this.#isEnded ? undefined : taken;
  }
}

/** Makes the statistics: one timer for all streams, each container read once a tick however many look at it. */
export function createStats(catalog: Catalog, paths: ContainerPaths): Stats {
  const last = new Map<string, Sample>();
  const subscriptions = new Set<Subscription>();
  let isTicking = false;

  /** Keeps a sample for the next answer, and forgets those that have become too old. */
  function keep(id: string, sample: Sample): void {
    last.delete(id);
    last.set(id, sample);
    for (const [other, { readNs }] of last) {
      if (sample.readNs - readNs <= BigInt(keptMs) * 1_000_000n) return;
      last.delete(other);
    }
  }

  /** A sample and its predecessor, when that is far enough away for a percentage and of the same life. */
  function take(record: ContainerRecord, system: SystemCpu): { now: Sample | undefined; before: Sample | undefined } {
    const now = takeSample(record, paths, system);
    if (now === undefined) {
      last.delete(record.id);
      return { now, before: undefined };
    }
    const kept = last.get(record.id);
    const ageMs = kept === undefined ? Number.NaN : Number(now.readNs - kept.readNs) / 1e6;
    const isUsable = kept?.startedAtNs === now.startedAtNs && ageMs >= pairMs / 2 && ageMs <= keptMs;
    if (!(ageMs < pairMs / 2)) keep(record.id, now);
    return { now, before: isUsable ? kept : undefined };
  }

  async function once(name: string, { isAlone }: { isAlone: boolean }): Promise<ContainerStats> {
    const record = catalog.find(name);
    let { now, before } = take(record, readSystemCpu());
    if (now === undefined) return statsOf(record, undefined, undefined);
    if (isAlone) return statsOf(record, now, undefined);
    if (before === undefined) {
      await Bun.sleep(pairMs);
      const current = catalog.get(record.id) ?? record;
      const first = now;
      ({ now, before } = take(current, readSystemCpu()));
      if (now !== undefined && before === undefined && first.startedAtNs === now.startedAtNs) before = first;
    }
    return statsOf(record, now, before);
  }

  async function tick(): Promise<void> {
    const ids = [...new Set(Array.from(subscriptions, ({ id }) => id))];
    const found = new Map<string, ContainerStats>();
    for (let first = 0; first < ids.length; first += sliceSize) {
      if (first > 0) await new Promise<void>((resolve) => setImmediate(resolve));
      const system = readSystemCpu();
      for (const id of ids.slice(first, first + sliceSize)) {
        const record = catalog.get(id);
        if (record === undefined) continue;
        const { now, before } = take(record, system);
        found.set(id, statsOf(record, now, before));
      }
    }
    for (const subscription of subscriptions) {
      const stats = found.get(subscription.id);
      if (stats !== undefined) subscription.offer(stats);
    }
  }

  async function run(): Promise<void> {
    isTicking = true;
    let due = performance.now();
    while (subscriptions.size > 0) {
      due += intervalMs;
      await Bun.sleep(Math.max(due - performance.now(), 0));
      // A machine that was asleep is not owed what it missed.
      due = Math.max(due, performance.now() - intervalMs);
      await tick();
    }
    isTicking = false;
  }

  async function* follow(id: string, signal: AbortSignal): AsyncGenerator<ContainerStats> {
    const subscription = new Subscription(id);
    using _watch = catalog.watch(id, (next) => {
      if (next === undefined) subscription.end();
    });
    const onAbort = (): void => subscription.end();
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted || catalog.get(id) === undefined) subscription.end();
    try {
      yield await once(id, { isAlone: false });
      subscriptions.add(subscription);
      if (!isTicking) void run();
      for (let stats = await subscription.next(); stats !== undefined; stats = await subscription.next()) yield stats;
    } finally {
      subscriptions.delete(subscription);
      signal.removeEventListener('abort', onAbort);
    }
  }

  return { once, stream: (name, signal) => follow(catalog.find(name).id, signal) };
}
