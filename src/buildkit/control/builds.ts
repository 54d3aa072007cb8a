import { fail } from '#std/errors';
import type { Bridge } from '../gateway/bridge.ts';
import { BuildProgress } from './build-progress.ts';

/** A build that goes on, under the name that its client gave it. */
export interface RunningBuild {
  readonly ref: string;
  readonly progress: BuildProgress;
  /** Ends it; what it has going is killed. */
  readonly cancel: () => void;
  readonly signal: AbortSignal;
  /** Who answers a client that drives the build itself; there once the build is under way. */
  readonly bridge: Promise<Bridge>;
  readonly serveBridge: (bridge: Bridge) => void;
}

/** How long a call waits for the Solve that it belongs to: clients send both at once. */
const waitMs = 10_000;

/** How long it is known what a build has told after its end: who asks for that may come late. */
const rememberedMs = 10_000;

/** How long the engine's end waits for builds that are cancelled. */
const endingMs = 5_000;

/** All builds that go on, by reference. */
export class Builds {
  private readonly running = new Map<string, RunningBuild>();
  private readonly ended = new Map<string, BuildProgress>();
  private readonly waiting = new Map<string, Set<() => void>>();

  /** Throws `conflict` when there is one of that name. */
  begin(ref: string, signal: AbortSignal): RunningBuild {
    if (ref === '') throw fail('invalid-argument', 'build without a reference');
    if (this.running.has(ref)) throw fail('conflict', `job ID ${ref} exists`);
    const controller = new AbortController();
    const bridge = Promise.withResolvers<Bridge>();
    bridge.promise.catch(() => undefined);
    const both = AbortSignal.any([signal, controller.signal]);
    both.addEventListener('abort', () => bridge.reject(fail('cancelled', 'context canceled')), { once: true });
    const build: RunningBuild = {
      ref,
      progress: new BuildProgress(),
      cancel: () => controller.abort(),
      signal: both,
      bridge: bridge.promise,
      serveBridge: bridge.resolve,
    };
    this.running.set(ref, build);
    for (const wake of this.waiting.get(ref) ?? []) wake();
    return build;
  }

  end(build: RunningBuild): void {
    const { progress, ref } = build;
    progress.end();
    if (this.running.get(ref) === build) this.running.delete(ref);
    this.ended.set(ref, progress);
    const forget = (): void => {
      if (this.ended.get(ref) === progress) this.ended.delete(ref);
    };
    setTimeout(forget, rememberedMs).unref();
  }

  /** What a build tells, also one that has ended some moments ago. */
  progressOf(ref: string): BuildProgress | undefined {
    return this.running.get(ref)?.progress ?? this.ended.get(ref);
  }

  get(ref: string): RunningBuild | undefined {
    return this.running.get(ref);
  }

  /** The build of that name, also when it begins in the next moments; undefined when it does not. */
  async wait(ref: string, signal: AbortSignal): Promise<RunningBuild | undefined> {
    const found = this.running.get(ref);
    if (found !== undefined) return found;
    const begun = Promise.withResolvers<void>();
    const wakers = this.waiting.get(ref) ?? new Set();
    this.waiting.set(ref, wakers.add(begun.resolve));
    const timer = setTimeout(begun.resolve, waitMs);
    signal.addEventListener('abort', () => begun.resolve(), { once: true });
    try {
      await begun.promise;
      return this.running.get(ref);
    } finally {
      clearTimeout(timer);
      wakers.delete(begun.resolve);
      if (wakers.size === 0) this.waiting.delete(ref);
    }
  }

  /** Ends all, and waits until they have ended, or some seconds. */
  async cancelAll(): Promise<void> {
    for (const build of this.running.values()) build.cancel();
    const deadline = performance.now() + endingMs;
    while (this.running.size > 0 && performance.now() < deadline) await Bun.sleep(10);
  }
}
