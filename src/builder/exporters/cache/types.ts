import type { ExportedOutput } from '../parts.ts';

/** What a build's results are to be found by later, in another place. */
export interface CacheExports {
  /** For `moby.buildkit.cache.v0` of an image of these layers; undefined when nobody asked for it, or there is nothing. */
  inline(output: ExportedOutput): unknown;
}
