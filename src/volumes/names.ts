import { fail } from '#std/errors';

const pattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

const longestName = 255;

/** Checks the name of a volume of the local driver; throws `invalid-argument` in Docker's words. */
export function checkVolumeName(name: string): void {
  if (name.length === 1) {
    throw fail(
      'invalid-argument',
      `create ${name}: volume name is too short, names should be at least two alphanumeric characters`,
    );
  }
  // It becomes the name of a directory (Docker fails at that, with 500).
  if (name.length > longestName) throw fail('invalid-argument', `create ${name}: volume name is too long`);
  if (!pattern.test(name)) {
    throw fail(
      'invalid-argument',
      `create ${name}: ${JSON.stringify(name)} includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`,
    );
  }
}
