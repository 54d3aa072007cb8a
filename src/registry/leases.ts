import type { Catalogue } from './catalogue.ts';

/**
 * Content that a client has been told is there, and that it may name in a moment: it is not collected until the grace has
 * passed, though nothing names it. That is a matter of records, so that it outlives the process.
 */
export interface Leases {
  /** How long what nothing names stays. */
  readonly graceMs: number;
  take(repository: string, digest: string): void;
}

/** Leases that renew what is older than a tenth of the grace: most calls write nothing. */
export function openLeases(catalogue: Catalogue, graceMs: number): Leases {
  return {
    graceMs,
    take(repository, digest) {
      const now = Date.now();
      catalogue.renew(repository, digest, now, now - graceMs / 10);
    },
  };
}
