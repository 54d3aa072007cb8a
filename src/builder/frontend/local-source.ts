import type { Platform } from '#oci';
import { createVertex } from '../graph/create-vertex.ts';
import type { Edge } from '../graph/vertex.ts';

export interface LocalOptions {
  /** Alone what these lead to; undefined wants all. */
  readonly followPaths?: readonly string[] | undefined;
  readonly excludes?: readonly string[];
  /** Sent whole, without looking what is there from before. */
  readonly isFresh?: boolean;
  /** Whose directory it is: the vertex may come to be part of another client's build. */
  readonly sessionId: string | undefined;
}

/** A directory of the client, `title` in progress. */
export function localSource(name: string, title: string, platform: Platform, options: LocalOptions): Edge {
  const { followPaths, excludes = [], isFresh, sessionId } = options;
  const attributes = {
    'local.sharedkeyhint': name,
    ...(followPaths && { 'local.followpaths': JSON.stringify(followPaths) }),
    ...(excludes.length > 0 && { 'local.excludepatterns': JSON.stringify(excludes) }),
    ...(isFresh && { 'local.differ': 'none' }),
    ...(sessionId !== undefined && { 'local.session': sessionId }),
  };
  const vertex = createVertex({
    operation: { type: 'source', identifier: `local://${name}`, attributes },
    inputs: [],
    platform,
    name: title,
    isUncached: false,
  });
  return { vertex, output: 0 };
}
