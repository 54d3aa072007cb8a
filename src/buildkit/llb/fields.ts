import { fail } from '#std/errors';

/** For a field that no valid message lacks. */
export function missing(what: string): never {
  throw fail('invalid-argument', `failed to load LLB: no ${what}`);
}
