const unitsNs: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

/** A duration as Go writes it (`1h30m`, `1.5s`, `0`), not negative, in nanoseconds; undefined when it is none. */
export function parseDurationNs(text: string): number | undefined {
  if (text === '0') return 0;
  if (!/^(?:\d*\.?\d+(?:ns|us|µs|ms|s|m|h))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, number, unit] of text.matchAll(/(\d*\.?\d+)(ns|us|µs|ms|s|m|h)/g)) {
    total += Number(number) * (unitsNs[unit ?? ''] ?? 0);
  }
  return Math.round(total);
}
