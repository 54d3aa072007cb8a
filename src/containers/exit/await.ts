import type { Catalog } from '../catalog.ts';
import { type ContainerRecord, isRunning } from '../record.ts';

/**
 * Whether a change of record is an exit of the main process, the end of the container, or the end of waiting for a
 * restart that will not come.
 */
export function isExit(next: ContainerRecord | undefined, previous: ContainerRecord): boolean {
  if (next === undefined || next.life.finishedAtNs !== previous.life.finishedAtNs) return true;
  return isRunning(previous) && !isRunning(next);
}

/**
 * Resolves with the record at the container's next exit (the last one there was, when it is removed instead), or with
 * undefined when `signal` aborts first. Watches from the moment of the call.
 */
export function nextExit(catalog: Catalog, id: string, signal: AbortSignal): Promise<ContainerRecord | undefined> {
  return nextChange(catalog, id, signal, isExit);
}

/** Resolves at the next change that `matches`; with undefined when `signal` aborts first. */
export function nextChange(
  catalog: Catalog,
  id: string,
  signal: AbortSignal,
  matches: (next: ContainerRecord | undefined, previous: ContainerRecord) => boolean,
): Promise<ContainerRecord | undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve(undefined);
      return;
    }
    const end = (record: ContainerRecord | undefined): void => {
      watch[Symbol.dispose]();
      signal.removeEventListener('abort', onAbort);
      resolve(record);
    };
    const watch = catalog.watch(id, (next, previous) => {
      if (matches(next, previous)) end(next ?? previous);
    });
    const onAbort = (): void => end(undefined);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
