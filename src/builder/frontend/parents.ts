import { posix } from 'node:path';

/** A source of `COPY --parents`: what is in front of `/./` is left out of the paths below the destination. */
export function splitParents(source: string): { root: string; pattern: string } {
  const pivot = source.indexOf('/./');
  const root = pivot === -1 ? '/' : posix.join('/', source.slice(0, pivot));
  const pattern = posix.join('/', pivot === -1 ? source : source.slice(pivot + 3)).slice(1);
  return { root, pattern: pattern.endsWith('/') ? pattern.slice(0, -1) : pattern };
}
