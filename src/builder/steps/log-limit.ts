/** How much of a step's output is passed on; the rest is read and dropped. */
export interface LogLimits {
  /** Of one stream in all; -1 for no bound. */
  readonly sizeBytes: number;
  /** Of one stream in each second that it has run; -1 for no bound. */
  readonly bytesPerSecond: number;
}

function fromEnvironment(name: string, byDefault: number): number {
  const text = process.env[name] ?? '';
  return /^-?\d+$/.test(text) ? Number(text) : byDefault;
}

/** BuildKit's limits, by the variables that it reads. */
export function defaultLogLimits(): LogLimits {
  return {
    sizeBytes: fromEnvironment('BUILDKIT_STEP_LOG_MAX_SIZE', 2 * 1024 * 1024),
    bytesPerSecond: fromEnvironment('BUILDKIT_STEP_LOG_MAX_SPEED', 200 * 1024),
  };
}

export const noLogLimits: LogLimits = { sizeBytes: -1, bytesPerSecond: -1 };

/** As BuildKit writes it: the largest unit that leaves no fraction worth telling. */
function sizeText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${Number(value.toPrecision(4))}${units[unit]}`;
}

/** Cuts one stream of a step's output where it is more than anybody reads, and says so where it does. */
export class LogLimit {
  readonly #limits: LogLimits;
  readonly #startedMs: number;
  #seenBytes = 0;
  #isClipping = false;

  constructor(limits: LogLimits, nowMs: number) {
    this.#limits = limits;
    this.#startedMs = nowMs;
  }

  /** What of `data` is to be passed on, with the note that something is missing; empty when all of it is dropped. */
  take(data: Uint8Array, nowMs: number): Uint8Array {
    const { bound, reason } = this.#boundAt(nowMs);
    const before = this.#seenBytes;
    this.#seenBytes += data.length;
    if (bound < 0 || this.#seenBytes <= bound) {
      this.#isClipping = false;
      return data;
    }
    const kept = data.subarray(0, Math.max(0, bound - before));
    if (this.#isClipping) return kept;
    this.#isClipping = true;
    return Buffer.concat([kept, Buffer.from(`\n[output clipped, log limit ${reason} reached]\n`)]);
  }

  #boundAt(nowMs: number): { bound: number; reason: string } {
    const { sizeBytes, bytesPerSecond } = this.#limits;
    const seconds = Math.max(1, Math.ceil((nowMs - this.#startedMs) / 1000));
    const bySpeed = bytesPerSecond < 0 ? -1 : seconds * bytesPerSecond;
    if (bySpeed < 0 || (sizeBytes >= 0 && bySpeed > sizeBytes))
      return { bound: sizeBytes, reason: sizeText(sizeBytes) };
    return { bound: bySpeed, reason: `${sizeText(bytesPerSecond)}/s` };
  }
}
