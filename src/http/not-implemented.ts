import { fail } from '#std/errors';
import type { Endpoint } from './exchange.ts';

/** An endpoint that Docker has and this engine not yet: 501 that names what is missing. */
export function notImplemented(what: string): Endpoint {
  return () => {
    throw fail('not-implemented', `${what} is not implemented yet`);
  };
}
