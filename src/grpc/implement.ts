import type { Service } from './service.ts';
import type { Handlers, Implementation } from './types.ts';

/** Puts a service and what does its methods together, for `serveGrpc`. */
export function implement<S extends Service>(service: S, handlers: Handlers<S>): Implementation {
  return { service, handlers: handlers as Implementation['handlers'] };
}
