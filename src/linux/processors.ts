import { check, libc } from './errno.ts';

const maskBytes = 128;

const library = libc({
  sched_getaffinity: { args: ['i32', 'u64', 'buffer'], returns: 'i32' },
  sched_setaffinity: { args: ['i32', 'u64', 'buffer'], returns: 'i32' },
});

/** The processors that the calling thread may run on: bit N of the mask is processor N (sched_setaffinity(2)). */
function allowedProcessors(): Uint8Array {
  const mask = new Uint8Array(maskBytes);
  check('sched_getaffinity', library().sched_getaffinity(0, mask.length, mask));
  return mask;
}

function allowProcessors(mask: Uint8Array): void {
  check('sched_setaffinity', library().sched_setaffinity(0, mask.length, mask));
}

/**
 * Runs `body`, which must be synchronous, on one processor after the other until it does not fail; an error that
 * `isPassable` does not know, or that of the last processor, is thrown. Afterwards the thread runs where it could before.
 */
export function onEachProcessor<T>(body: () => T, isPassable: (error: unknown) => boolean): T {
  const before = allowedProcessors();
  let lastError: unknown;
  try {
    for (let processor = 0; processor < 8 * maskBytes; processor++) {
      if (((before[processor >> 3] ?? 0) & (1 << (processor & 7))) === 0) continue;
      const one = new Uint8Array(maskBytes);
      one[processor >> 3] = 1 << (processor & 7);
      allowProcessors(one);
      try {
        return body();
      } catch (error) {
        if (!isPassable(error)) throw error;
        lastError = error;
      }
    }
  } finally {
    allowProcessors(before);
  }
  throw lastError;
}
