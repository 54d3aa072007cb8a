import type { Events } from '#events';
import { fail, kindOf, messageOf } from '#std/errors';
import { announce } from '../announce.ts';
import type { Catalog } from '../catalog.ts';
import { isRunning } from '../record.ts';
import { StartFailure } from '../start/failure.ts';
import type { Starter } from '../start/start.ts';
import type { StopCause, StopOptions, Terminator } from '../stop/terminate.ts';

/** Stops a container that runs, and starts it. */
export type RestartByHand = (name: string, options: StopOptions, cause?: StopCause) => Promise<void>;

/** What a restart moves. */
export interface RestartParts {
  readonly catalog: Catalog;
  readonly events: Events;
  readonly starter: Starter;
  readonly terminator: Terminator;
  /** Ids of the containers between the stop and the start: one that is to be removed at its end is not, as in Docker. */
  readonly underWay: Set<string>;
}

/** Makes the restart. */
export function createRestartByHand(parts: RestartParts): RestartByHand {
  const { catalog, events, starter, terminator, underWay } = parts;
  return async (name, options, cause = 'person') => {
    const record = catalog.find(name);
    underWay.add(record.id);
    try {
      if (isRunning(record)) await terminator.stop(name, options, cause);
      // Another may have started it meanwhile, which is as good.
      await starter.start(record.id).catch((error: unknown) => {
        if (kindOf(error) !== 'not-modified') throw error;
      });
    } catch (error) {
      const kind =
        kindOf(error) === 'invalid-argument' && !(error instanceof StartFailure) ? 'invalid-argument' : 'internal';
      throw fail(kind, `Cannot restart container ${name}: ${messageOf(error)}`, error);
    } finally {
      underWay.delete(record.id);
    }
    announce(events, record, 'restart');
  };
}
