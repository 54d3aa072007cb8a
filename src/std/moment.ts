import { parseDurationNs } from './duration.ts';
import { nowNs, parseTime } from './time.ts';

/** A moment given as RFC 3339, Unix seconds, or a Go duration back from now (`10m`, `1h30m`); undefined for what is none. */
export function parseMoment(text: string): bigint | undefined {
  const durationNs = parseDurationNs(text);
  return durationNs === undefined ? parseTime(text) : nowNs() - BigInt(durationNs);
}
