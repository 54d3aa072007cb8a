const unitsNs: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

/** Whether a word is a unit of durations. */
export function isDurationUnit(word: string): boolean {
  return Object.hasOwn(unitsNs, word);
}

/** A duration as Go writes it (`1h30m`, `1.5s`, `-200ms`, `0`), in nanoseconds; undefined when it is none. */
export function parseDurationNs(text: string): number | undefined {
  if (text === '0') return 0;
  if (!/^[+-]?(?:\d*\.?\d+(?:ns|us|µs|ms|s|m|h))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, number, unit] of text.matchAll(/(\d*\.?\d+)(ns|us|µs|ms|s|m|h)/g)) {
    total += Number(number) * (unitsNs[unit ?? ''] ?? 0);
  }
  return text.startsWith('-') ? -Math.round(total) : Math.round(total);
}

/** A duration in nanoseconds as Go writes it: `1h30m0s`, `1.5s`, `300ms`, `0s`. */
export function formatDuration(ns: number): string {
  const size = Math.abs(ns);
  const sign = ns < 0 ? '-' : '';
  const trim = (value: number, digits: number): string => String(Number(value.toFixed(digits)));
  if (size === 0) return '0s';
  if (size < 1e3) return `${sign}${size}ns`;
  if (size < 1e6) return `${sign}${trim(size / 1e3, 3)}µs`;
  if (size < 1e9) return `${sign}${trim(size / 1e6, 6)}ms`;
  const hours = Math.floor(size / 3600e9);
  const minutes = Math.floor((size % 3600e9) / 60e9);
  const seconds = `${trim((size % 60e9) / 1e9, 9)}s`;
  return `${sign}${hours > 0 ? `${hours}h` : ''}${hours > 0 || minutes > 0 ? `${minutes}m` : ''}${seconds}`;
}

/** A span of time for people, in Docker's words and the largest unit that fits: `2 minutes`, `About an hour`. */
export function humanDuration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const minutes = Math.floor(ms / 60_000);
  const hours = Math.floor(ms / 3_600_000 + 0.5);
  if (seconds < 1) return 'Less than a second';
  if (seconds === 1) return '1 second';
  if (seconds < 60) return `${seconds} seconds`;
  if (minutes === 1) return 'About a minute';
  if (minutes < 60) return `${minutes} minutes`;
  if (hours === 1) return 'About an hour';
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.floor(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.floor(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.floor(hours / 24 / 30)} months`;
  return `${Math.floor(hours / 24 / 365)} years`;
}
