import { messageOf } from '#std/errors';
import { log } from '#std/log';
import { CacheMounts } from './cache-mounts.ts';
import { createOpenContainer, type OpenStepContainer } from './container.ts';
import { createExecStep, type ExecStep } from './exec-step.ts';
import type { StepParts } from './parts.ts';
import { reconcileSteps } from './reconcile.ts';
import { removeStepsDirectory } from './step-directory.ts';

/** Runs processes for builds. */
export interface OpenedSteps {
  readonly exec: ExecStep;
  readonly container: OpenStepContainer;
  /** Directories of `RUN --mount=type=cache`: to be listed and pruned. */
  readonly caches: CacheMounts;
  /** Removes what a killed engine left; once at the start, before any step. */
  reconcile(): Promise<void>;
  /** Waits for what goes on in the background; no step may run any more. */
  close(): Promise<void>;
}

/** Opens them over the engine's parts. */
export function openSteps(parts: StepParts): OpenedSteps {
  const caches = new CacheMounts(parts);
  const underWay = new Set<Promise<void>>();

  function background(work: Promise<void>, what: string): void {
    const settled: Promise<void> = work
      .catch((error: unknown) => log('warn', 'clean-up failed', { what, error: messageOf(error) }))
      .finally(() => underWay.delete(settled));
    underWay.add(settled);
  }

  const shared = { ...parts, caches, background };
  return {
    exec: createExecStep(shared),
    container: createOpenContainer(shared),
    caches,
    async reconcile() {
      await reconcileSteps(parts);
      await caches.reconcile();
    },
    async close() {
      while (underWay.size > 0) await Promise.all(underWay);
      await caches.settled();
      removeStepsDirectory(parts);
    },
  };
}
