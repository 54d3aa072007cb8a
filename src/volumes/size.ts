/** A whole or decimal number with a binary unit: `10m`, `1.5 GiB`, `0`. */
const sizePattern = /^(\d+(?:\.\d+)?) ?(?:[kmgtp]?i?b?)$/i;

/** Why a volume cannot be bounded to a size, in Docker's words; undefined for 0, which is no bound. */
export function checkSize(text: string): string | undefined {
  const match = sizePattern.exec(text);
  if (match === null) return `invalid size: '${text}'`;
  // A bound needs project quotas of the file system that the volumes are on.
  return Number(match[1]) > 0 ? 'quota size requested but no quota support' : undefined;
}
