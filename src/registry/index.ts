export { allowAll } from './handle.ts';
export { type Registry, serveRegistry } from './serve.ts';
export type { Action, Authorize, Grants, Need, Policy, RegistryOptions, Upstream } from './types.ts';
