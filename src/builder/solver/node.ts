import type { Vertex } from '../graph/vertex.ts';
import type { PinnedSource } from '../sources/types.ts';
import type { HeldOutputs } from './held.ts';
import type { InputKey } from './keys.ts';
import type { VertexReport } from './report.ts';
import type { BuildContext } from './types.ts';

/** What an operation is known by. */
export interface OperationKey {
  readonly key: string;
  /** By which it is found without its inputs, where they count by their contents. */
  readonly alias?: string;
  /** What it was made of; undefined when it was found by its alias. */
  readonly inputs?: readonly InputKey[];
}

/** A vertex in one build. What has been begun stays for all who ask again. */
export interface Node {
  readonly vertex: Vertex;
  readonly inputs: readonly { readonly node: Node; readonly output: number }[];
  readonly report: VertexReport;
  /** Of who asked for it first in this build. */
  readonly context: BuildContext;
  /** Of sources. */
  pinned?: Promise<PinnedSource>;
  /** Of operations. */
  key?: Promise<OperationKey>;
  made?: Promise<HeldOutputs>;
  /** What `made` came to. */
  outputs?: HeldOutputs;
  /** What `key` came to. */
  found?: OperationKey;
  /** Whether what was begun has come to a good end. */
  isWhole: boolean;
  /** Key of the record that it is kept under. */
  record?: string;
}
