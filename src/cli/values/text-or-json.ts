import { fail } from '#std/errors';

/** Throws `invalid-argument` for a `--format` that is neither text nor json. */
export function checkFormat(format: string): void {
  if (format !== 'text' && format !== 'json')
    throw fail('invalid-argument', `invalid format '${format}': text or json`);
}
