import type { RegistryMetrics } from './metrics.ts';
import type { RegistryStorage } from './storage.ts';
import type { Action, Grants, Policy, Upstream } from './types.ts';

/** What endpoints work on. */
export interface Services {
  readonly storage: RegistryStorage;
  /** It may change while the registry serves. */
  policy(): Policy;
  readonly upstream: Upstream | undefined;
  readonly metrics: RegistryMetrics;
}

/** One request to one endpoint. */
export interface Call {
  readonly request: Request;
  readonly query: URLSearchParams;
  /** Empty where the endpoint has none. */
  readonly repository: string;
  /** The last part of the path: a tag, a digest, the id of an upload. */
  readonly reference: string;
  readonly grants: Grants;
}

/** One method of one path. */
export interface Endpoint {
  /** What the caller must be allowed, in the repository of the path. */
  readonly needs: readonly Action[];
  /** Refused where the registry is read-only. */
  readonly changes?: boolean;
  handle(services: Services, call: Call): Response | Promise<Response>;
}

/** What one path takes. */
export interface Route {
  /** For metrics. */
  readonly name: string;
  /** With the groups `repository` and `reference`, each optional. */
  readonly path: RegExp;
  readonly methods: Readonly<Record<string, Endpoint>>;
}

/** The path of a repository's manifest or blob. */
export function locationOf(repository: string, kind: 'manifests' | 'blobs', digest: string): string {
  return `/v2/${repository}/${kind}/${digest}`;
}
