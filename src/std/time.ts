/** Wall-clock time in nanoseconds since the epoch, as Docker's timestamps carry them. */
export function nowNs(): bigint {
  return BigInt(Math.trunc((performance.timeOrigin + performance.now()) * 1000)) * 1000n;
}

/** RFC 3339 with nanoseconds and trailing zeroes cut, in UTC, as Go's `time.RFC3339Nano` prints it. */
export function formatTime(ns: bigint): string {
  const seconds = ns / 1_000_000_000n;
  const fraction = (ns % 1_000_000_000n).toString().padStart(9, '0').replace(/0+$/, '');
  const base = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  return fraction === '' ? `${base}Z` : `${base}.${fraction}Z`;
}

/** What Docker prints for a time that never was. */
export const zeroTime = '0001-01-01T00:00:00Z';

/**
 * Parses RFC 3339 (any fraction, any offset) or Unix seconds with an optional fraction (`1700000000.000000001`) to
 * nanoseconds since the epoch; undefined when it is neither.
 */
export function parseTime(text: string): bigint | undefined {
  const unix = /^(-?\d+)(?:\.(\d{1,9}))?$/.exec(text);
  if (unix) {
    return BigInt(unix[1] ?? '0') * 1_000_000_000n + BigInt((unix[2] ?? '').padEnd(9, '0'));
  }
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/.exec(text);
  if (!match) return undefined;
  const milliseconds = Date.parse(`${match[1]}${match[3]}`);
  if (Number.isNaN(milliseconds)) return undefined;
  return BigInt(milliseconds) * 1_000_000n + BigInt((match[2] ?? '').slice(0, 9).padEnd(9, '0'));
}
