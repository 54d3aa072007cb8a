/** Content that a client has been told is there, and that it may name in a moment: it is not collected until then. */
export interface Leases {
  take(repository: string, digest: string): void;
  /** Whether content of a repository was taken within the lease's time. */
  has(repository: string, digest: string): boolean;
  /** When the process that knows of leases began: before that, others may have been taken. */
  readonly sinceMs: number;
}

const sweepEvery = 4096;

/** Leases of `lifeMs`, in memory: whoever needs them waits as long after a start. */
export function openLeases(lifeMs: number): Leases {
  const until = new Map<string, number>();
  let taken = 0;
  return {
    sinceMs: Date.now(),
    take(repository, digest) {
      const now = Date.now();
      until.set(`${repository}@${digest}`, now + lifeMs);
      taken += 1;
      if (taken % sweepEvery !== 0) return;
      for (const [key, end] of until) if (end < now) until.delete(key);
    },
    has: (repository, digest) => (until.get(`${repository}@${digest}`) ?? 0) >= Date.now(),
  };
}
