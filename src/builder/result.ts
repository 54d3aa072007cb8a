import type { LocalIndex } from './session/session.ts';

/**
 * What an output of a vertex is: layers of the store (chain ids from the base up; none for an empty file system), or a directory
 * of the host that somebody else keeps (a client's files, a checkout).
 */
export type Result = LayersResult | DirectoryResult;

export interface LayersResult {
  readonly kind: 'layers';
  readonly chain: readonly string[];
}

export interface DirectoryResult {
  readonly kind: 'directory';
  readonly path: string;
  readonly index?: LocalIndex;
}
