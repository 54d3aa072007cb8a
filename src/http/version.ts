import { fail } from '#std/errors';

/** Newest and oldest API versions spoken, as minors of 1. */
export const newestMinor = 51;
export const oldestMinor = 24;
export const newestVersion = `1.${newestMinor}`;
export const oldestVersion = `1.${oldestMinor}`;

/** Thrown for a version older than all: Docker answers it in plain text, as clients of that age expect. */
export class VersionTooOld extends Error {
  override readonly name = 'VersionTooOld';
}

/** Compares dotted numbers; a missing part counts as 0. */
function compareVersions(left: string, right: string): number {
  const [a, b] = [left.split('.').map(Number), right.split('.').map(Number)];
  for (let index = 0; index < Math.max(a.length, b.length); index += 1) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/**
 * The minor of the version that a path asks for (`1.41` -> 41; none -> the newest). Throws in Docker's words when it is
 * outside of what is spoken here.
 */
export function negotiate(requested: string | undefined): number {
  if (requested === undefined) return newestMinor;
  if (compareVersions(requested, newestVersion) > 0) {
    throw fail(
      'invalid-argument',
      `client version ${requested} is too new. Maximum supported API version is ${newestVersion}`,
    );
  }
  if (compareVersions(requested, oldestVersion) < 0) {
    throw new VersionTooOld(
      `client version ${requested} is too old. Minimum supported API version is ${oldestVersion}, please upgrade your client to a newer version`,
    );
  }
  return Number(requested.split('.')[1]);
}
