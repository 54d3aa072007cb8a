import type { Endpoint } from './exchange.ts';

/**
 * One row of the table of routes: `{name}` stands for one or more characters, slashes too, as in Docker's routes. A second
 * variable may stand at the end; no endpoint needs its value.
 */
export type Route = readonly [method: string, pattern: string, endpoint: Endpoint];

export interface Match {
  readonly endpoint: Endpoint;
  /** The variable part of the path; empty when the pattern has none. */
  readonly name: string;
  /** The pattern that matched. */
  readonly route: string;
}

interface VariableRoute {
  readonly prefix: string;
  readonly suffix: string;
  /** Something has to follow the suffix. */
  readonly open: boolean;
  readonly route: string;
  readonly endpoint: Endpoint;
}

/** Makes the lookup of a table of routes. Fixed paths win over variable ones, and earlier rows over later ones. */
export function createRouter(routes: readonly Route[]): (method: string, path: string) => Match | undefined {
  const fixed = new Map<string, Match>();
  const variable = new Map<string, VariableRoute[]>();
  for (const [method, pattern, endpoint] of routes) {
    const [prefix = '', suffix, end] = pattern.split(/\{\w+\}/);
    if (suffix === undefined) {
      fixed.set(`${method} ${pattern}`, { endpoint, name: '', route: pattern });
      continue;
    }
    const key = `${method} ${prefix}`;
    variable.set(key, [
      ...(variable.get(key) ?? []),
      { prefix, suffix, open: end !== undefined, route: pattern, endpoint },
    ]);
  }
  return (method, path) => {
    const exact = fixed.get(`${method} ${path}`);
    if (exact !== undefined) return exact;
    const candidates = variable.get(`${method} ${path.slice(0, path.indexOf('/', 1) + 1)}`) ?? [];
    for (const { prefix, suffix, open, route, endpoint } of candidates) {
      const end = open ? path.lastIndexOf(suffix, path.length - suffix.length - 1) : path.length - suffix.length;
      if (end > prefix.length && path.startsWith(suffix, end)) {
        const name = path.slice(prefix.length, end);
        // A trailing slash belongs to no route of Docker's.
        if (!name.endsWith('/')) return { endpoint, name, route };
      }
    }
    return undefined;
  };
}
