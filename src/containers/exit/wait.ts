import type { ContainerWaitResponse } from '#api';
import { fail } from '#std/errors';
import type { Catalog } from '../catalog.ts';
import type { LogOpenings } from '../logs/openings.ts';
import { isRunning } from '../record.ts';
import { nextChange, nextExit } from './await.ts';

/** How long an exit is kept from those that wait for it while followers look for the log. It takes milliseconds. */
const openingsDeadlineMs = 2000;

/** `POST /containers/{id}/wait`: conditions `not-running` (also empty), `next-exit` and `removed`. */
export function waitFor(
  { catalog, openings }: { readonly catalog: Catalog; readonly openings: LogOpenings },
  name: string,
  condition: string,
  signal: AbortSignal,
): { result: Promise<ContainerWaitResponse> } {
  const record = catalog.find(name);
  const watch = (): ReturnType<typeof nextExit> => {
    switch (condition) {
      case '':
      case 'not-running':
        return isRunning(record) ? nextExit(catalog, record.id, signal) : Promise.resolve(record);
      case 'next-exit':
        return nextExit(catalog, record.id, signal);
      case 'removed':
        return nextChange(catalog, record.id, signal, (next) => next === undefined);
      default:
        throw fail('invalid-argument', `invalid condition: "${condition}"`);
    }
  };
  const result = watch().then(async (last) => {
    if (last === undefined) throw fail('cancelled', 'context canceled');
    await openings.settled(last.id, openingsDeadlineMs);
    const { error, exitCode } = last.life;
    // What Docker leaves out for a container that is gone.
    const isTold = error !== '' && condition !== 'removed';
    return { ...(isTold && { Error: { Message: error } }), StatusCode: exitCode };
  });
  return { result };
}
