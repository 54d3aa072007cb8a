import { canonicalDigest } from '../graph/canonical.ts';
import type { CopyAction, ExecMount, ExecOperation, Operation } from '../graph/operation.ts';
import type { Vertex } from '../graph/vertex.ts';
import type { ContentSelection } from './steps.ts';

/** What of an input a key is made of: all that it is (its own key), or the contents of the files that are used. */
export interface InputUse {
  readonly isWhole: boolean;
  readonly selections: readonly ContentSelection[];
}

/** An input's part of a key: what was found there. */
export interface InputKey {
  /** Its own key, when all of it counts. */
  readonly key?: string;
  /** Digests in the order of the selections. */
  readonly contents: readonly string[];
}

/** Whether only what is in it matters of a mount: it is read and no more. */
function countsByContent({ type, input, target, isReadOnly }: ExecMount): boolean {
  return type === 'bind' && input >= 0 && isReadOnly && target !== '/';
}

function selectionOf(action: CopyAction): ContentSelection {
  const { source, followsSymlink, copiesContents, allowsWildcard, allowsEmptyWildcard, includes, excludes } = action;
  const { requiredPaths, keepsParents } = action;
  return {
    ...{ source, followsSymlink, copiesContents, allowsWildcard, allowsEmptyWildcard, includes, excludes },
    ...(requiredPaths !== undefined && { requiredPaths }),
    ...(keepsParents !== undefined && { keepsParents }),
  };
}

/** What an image holds is known by its name, without a look into it. */
function isImage({ operation }: Vertex): boolean {
  return operation.type === 'source' && /^(?:docker-image|oci-layout):/.test(operation.identifier);
}

/** How each input of a vertex counts. */
export function inputUses({ operation, inputs }: Vertex): readonly InputUse[] {
  const uses = inputs.map(() => ({ isWhole: false, selections: [] as ContentSelection[] }));
  const look = (index: number, selection: ContentSelection): void => {
    const input = inputs[index];
    if (input !== undefined && isImage(input.vertex)) whole(index);
    else uses[index]?.selections.push(selection);
  };
  const whole = (index: number): void => {
    const use = uses[index];
    if (use !== undefined) use.isWhole = true;
  };
  if (operation.type === 'exec') {
    for (const mount of operation.mounts) {
      if (!countsByContent(mount)) whole(mount.input);
      else look(mount.input, { source: mount.selector || '/', followsSymlink: true });
    }
  } else if (operation.type === 'file') {
    for (const { input, secondaryInput, action } of operation.actions) {
      whole(input);
      if (action.type === 'copy') look(secondaryInput, selectionOf(action));
    }
  } else {
    for (const index of uses.keys()) whole(index);
  }
  return uses;
}

/** How many outputs an operation has. */
export function outputCount(operation: Operation): number {
  if (operation.type === 'exec') return 1 + Math.max(-1, ...operation.mounts.map(({ output }) => output));
  if (operation.type === 'file') return 1 + Math.max(-1, ...operation.actions.map(({ output }) => output));
  return 1;
}

/** An exec without what is there while it runs and changes nothing of what it should make. */
function countedExec(operation: ExecOperation): object {
  const { uncountedEnvironment, ...counted } = operation;
  return counted;
}

/** What is done, whatever it is done to. Files come out alike on every platform; what processes do does not. */
function operationDigest({ operation, platform }: Vertex): string {
  return operation.type === 'exec'
    ? canonicalDigest({ operation: countedExec(operation), platform })
    : canonicalDigest({ operation });
}

/** The key of a vertex, by what counts of its inputs. */
export function vertexKey(vertex: Vertex, inputs: readonly InputKey[]): string {
  return canonicalDigest({ does: operationDigest(vertex), to: inputs });
}

/** A key by all that the inputs are, for which nobody has to look into them; what it leads to is an alias. */
export function aliasKey(vertex: Vertex, inputKeys: readonly string[]): string {
  return canonicalDigest({ does: operationDigest(vertex), toAll: inputKeys });
}

/** The key of one output as long as nothing else is known of it. */
export function outputKey(key: string, output: number): string {
  return output === 0 ? key : canonicalDigest({ of: key, output });
}

/** The key of an output that came out otherwise than before: what uses it is done anew. */
export function changedOutputKey(key: string, output: number, chain: readonly string[]): string {
  return canonicalDigest({ of: key, output, is: chain.at(-1) ?? '' });
}
