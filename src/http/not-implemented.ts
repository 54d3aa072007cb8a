import { fail } from '#std/errors';
import type { Endpoint } from './exchange.ts';
import type { Route } from './router.ts';

/** An endpoint that Docker has and this engine not yet: 501 that names what is missing. */
export function notImplemented(what: string): Endpoint {
  return () => {
    throw fail('not-implemented', `${what} is not implemented yet`);
  };
}

const missing: readonly (readonly [Route[0], string, string])[] = [
  ['POST', '/swarm/init', 'swarm mode'],
  ['POST', '/swarm/join', 'swarm mode'],
  ['GET', '/plugins/privileges', 'installing plugins'],
  ['POST', '/plugins/pull', 'installing plugins'],
  ['POST', '/plugins/create', 'making plugins'],
];

/** Docker's endpoints that are still to come, each answered by name. */
export const unserved: readonly Route[] = missing.map(([method, path, what]) => [method, path, notImplemented(what)]);
