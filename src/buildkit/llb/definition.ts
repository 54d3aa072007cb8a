import { llb } from '#build-api';
import { createVertex, type Edge, type Operation, type Vertex } from '#builder';
import type { Written } from '#grpc';
import { digestOf, hostPlatform, type Platform } from '#oci';
import { fail } from '#std/errors';
import type { EdgeBook } from './edge-book.ts';
import { execOperation } from './exec.ts';
import { missing } from './fields.ts';
import { describeFile, fileOperation } from './file.ts';
import { originsOf } from './origins.ts';

/** So many operations one definition may have, and so many may stand one on the other. */
const operationsLimit = 20_000;
const depthLimit = 2_000;

/** A platform as a client names it; this machine's where it does not. */
export function platformOf(platform: llb.Platform | undefined): Platform {
  if (platform === undefined || platform.os === '') return hostPlatform();
  return {
    os: platform.os,
    architecture: platform.architecture,
    ...(platform.variant !== '' && { variant: platform.variant }),
    ...(platform.osVersion !== '' && { osVersion: platform.osVersion }),
  };
}

/** Says nothing of what comes out, and would make every build another one. */
const uncounted = new Set(['local.unique']);

function operationOf(op: llb.Op): { operation: Operation; name: string } {
  if (op.source !== undefined) {
    const { identifier, attrs } = op.source;
    const attributes = Object.fromEntries([...attrs].filter(([name]) => !uncounted.has(name)));
    return { operation: { type: 'source', identifier, attributes }, name: identifier };
  }
  if (op.exec !== undefined) {
    const operation = execOperation(op.exec, op.inputs.length);
    return { operation, name: operation.words.join(' ') };
  }
  if (op.file !== undefined) {
    const operation = fileOperation(op.file, op.inputs.length);
    return { operation, name: describeFile(operation) };
  }
  if (op.merge !== undefined) return { operation: { type: 'merge' }, name: 'merge' };
  if (op.diff !== undefined) {
    const lower = op.diff.lower?.input ?? -1;
    const upper = op.diff.upper?.input ?? -1;
    return { operation: { type: 'diff', lower, upper }, name: 'diff' };
  }
  if (op.build !== undefined) throw fail('not-implemented', 'build operations in a definition are not supported');
  return missing('operation that is known');
}

/** The inputs in the order that the operation takes them in: a merge says it itself. */
function inputsOf({ merge, inputs }: llb.Op): readonly llb.Input[] {
  return merge?.inputs.map(({ input }) => inputs[input] ?? missing(`input ${input} of a merge`)) ?? inputs;
}

/** Makes the vertices of a definition, inputs first, without recursion: what a client sends may be deep. */
class Graph {
  private readonly made = new Map<string, { readonly edge?: Edge; readonly vertex: Vertex; readonly depth: number }>();
  private readonly origins;

  constructor(
    private readonly definition: llb.Definition,
    private readonly ops: ReadonlyMap<string, llb.Op>,
    private readonly book: EdgeBook,
  ) {
    this.origins = originsOf(definition.source);
  }

  edge(digest: string, output: number): Edge {
    const stack = [digest];
    const entered = new Set<string>();
    for (let current = stack.at(-1); current !== undefined; current = stack.at(-1)) {
      const op = this.ops.get(current) ?? missing(`operation ${current}`);
      const waiting = op.inputs.map((input) => input.digest).filter((input) => !this.made.has(input));
      if (this.made.has(current) || waiting.length === 0) {
        if (!this.made.has(current)) this.make(current, op);
        stack.pop();
        continue;
      }
      // Digests make circles impossible, unless somebody finds one; then it must not go on for ever.
      if (entered.has(current)) missing('way out of a circle');
      entered.add(current);
      stack.push(...waiting);
    }
    return this.output(digest, output);
  }

  private output(digest: string, output: number): Edge {
    const { edge, vertex } = this.made.get(digest) ?? missing(`operation ${digest}`);
    return edge ?? { vertex, output };
  }

  private make(digest: string, op: llb.Op): void {
    const known = op.source === undefined ? undefined : this.book.find(op.source.identifier);
    const depth = 1 + Math.max(0, ...op.inputs.map((input) => this.made.get(input.digest)?.depth ?? 0));
    if (depth > depthLimit)
      throw fail('invalid-argument', `definition of more than ${depthLimit} operations on another`);
    if (known !== undefined) this.made.set(digest, { edge: known, vertex: known.vertex, depth });
    else this.made.set(digest, { vertex: this.vertex(digest, op), depth });
  }

  private vertex(digest: string, op: llb.Op): Vertex {
    const { operation, name } = operationOf(op);
    const metadata = this.definition.metadata.get(digest);
    const origin = this.origins.get(digest);
    const group = metadata?.progressGroup;
    return createVertex({
      operation,
      inputs: inputsOf(op).map((input) => this.output(input.digest, input.index)),
      platform: platformOf(op.platform),
      name: metadata?.description.get('llb.customname') ?? name,
      isUncached: metadata?.ignoreCache ?? false,
      ...(group !== undefined && { progressGroup: { id: group.id, name: group.name, isWeak: group.weak } }),
      ...(origin !== undefined && { origin }),
    });
  }
}

/**
 * The edge that a definition ends in, as vertices that the solver knows; undefined for an empty one, which stands for an empty
 * file system. Throws `invalid-argument` for what is malformed, `not-implemented` for what no part of this engine does.
 */
export function decodeDefinition(definition: llb.Definition, book: EdgeBook): Edge | undefined {
  if (definition.def.length === 0) return undefined;
  if (definition.def.length > operationsLimit) {
    throw fail('invalid-argument', `definition of more than ${operationsLimit} operations`);
  }
  const ops = new Map<string, llb.Op>();
  let last = '';
  for (const bytes of definition.def) {
    last = digestOf(bytes);
    ops.set(last, llb.op.decode(bytes));
  }
  const end = ops.get(last)?.inputs;
  const wanted = end?.length === 1 ? end[0] : undefined;
  if (wanted === undefined) return missing('single end of its operations');
  return new Graph(definition, ops, book).edge(wanted.digest, wanted.index);
}

/** An edge as a client is told of it: a source with an identifier of ours, by which the edge is found again. */
export function encodeEdge(edge: Edge, book: EdgeBook): Written<typeof llb.definition> {
  const op = llb.op.encode({ source: { identifier: book.note(edge) }, platform: edge.vertex.platform });
  const end = llb.op.encode({ inputs: [{ digest: digestOf(op) }] });
  const metadata = [op, end].map((bytes) => [digestOf(bytes), {}] as const);
  return { def: [op, end], metadata: new Map(metadata) };
}
