export { type AccessSettings, openAccess } from './access/access.ts';
export { type Rule, repositoryActions } from './access/rights.ts';
export { collectGarbage } from './admin.ts';
export type { CacheSettings } from './cache/places.ts';
export { parseUpstream, type UpstreamPlace } from './cache/upstreams.ts';
export type { Collected, Removal } from './collect.ts';
export { allowAll } from './handle.ts';
export { parseRetention, parseRetentionFlag, type RetentionRule } from './retention.ts';
export { type Registry, serveRegistry } from './serve.ts';
export type {
  Action,
  Authorize,
  Grants,
  Guard,
  LiveOptions,
  Need,
  Policy,
  RegistryOptions,
  Upstream,
} from './types.ts';
