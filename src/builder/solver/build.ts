import { fail, kindOf } from '#std/errors';
import type { HeldRecord } from '../cache/build-cache.ts';
import type { BuildRecord } from '../cache/build-records.ts';
import type { Edge, Vertex } from '../graph/vertex.ts';
import { verticesOf } from '../graph/walk.ts';
import type { PinnedSource } from '../sources/types.ts';
import { type HeldOutputs, outputsOfRecord, outputsOfSource } from './held.ts';
import { imported } from './imported.ts';
import { findKey, type KeySource, keyOfOutput } from './key-finder.ts';
import { outputKey } from './keys.ts';
import type { Node, OperationKey } from './node.ts';
import type { SharedParts } from './parts.ts';
import { VertexReport } from './report.ts';
import { sourceRun, tellWork, vertexError } from './tell.ts';
import type { BuildContext, CacheableResult } from './types.ts';
import { workOut } from './work.ts';

const noop = (): void => undefined;

/** What one build wants, worked out together. It ends when nobody asks for anything of it and nothing is held. */
export class Build {
  readonly #nodes = new Map<string, Node>();
  readonly #keys: KeySource;
  #work = new AbortController();
  #asking = 0;
  #held = 0;

  constructor(
    readonly parts: SharedParts,
    /** Vertices that are done anew once in a build, and were. */
    readonly fresh: Set<string>,
    readonly onIdle: () => void,
  ) {
    this.#keys = {
      cache: parts.cache,
      digest: parts.steps.digest,
      signalOf: (node) => this.#signalOf(node),
      made: (node) => this.#made(node),
      keyOf: (node) => this.#operationKey(node),
      mustRun: (node) => this.#mustRun(node),
    };
  }

  /** Works an edge out. What is returned stays until it is released. */
  async solve(
    edge: Edge,
    context: BuildContext,
  ): Promise<{ readonly outputs: HeldOutputs; readonly key: string; release(): void }> {
    this.#asking += 1;
    try {
      context.signal.throwIfAborted();
      this.#enter(edge, context);
      const node = this.#node(edge.vertex);
      const outputs = (await this.#made(node)).share();
      this.#held += 1;
      let isHeld = true;
      const release = (): void => {
        if (!isHeld) return;
        isHeld = false;
        outputs.release();
        this.#held -= 1;
        this.#settle();
      };
      return { outputs, key: await keyOfOutput(this.#keys, node, edge.output), release };
    } catch (error) {
      if (context.signal.aborted && kindOf(error) !== 'cancelled') {
        throw fail('cancelled', 'context canceled', error);
      }
      throw error;
    } finally {
      this.#asking -= 1;
      this.#settle();
    }
  }

  /** What is known of all that edges need. */
  cacheable(edges: readonly Edge[]): CacheableResult[] {
    const known = (vertex: Vertex): BuildRecord | undefined => {
      const found = this.#nodes.get(vertex.digest)?.found;
      return found && this.parts.cache.find(found.key);
    };
    return verticesOf(edges).flatMap((vertex) => {
      const record = known(vertex);
      if (record === undefined) return [];
      const inputs = vertex.inputs.flatMap((input) => known(input.vertex)?.outputs[input.output]?.key ?? []);
      return record.outputs.map(({ key, chain }, output) => ({
        keys: [key, ...record.aliases.map((alias) => outputKey(alias, output))],
        inputs,
        chain,
        description: record.description,
        createdAt: new Date(record.createdMs).toISOString(),
      }));
    });
  }

  /** Ends what is under way when nobody waits for it, and lets go of everything when nothing is held. */
  #settle(): void {
    if (this.#asking > 0) return;
    this.#work.abort(fail('cancelled', 'context canceled'));
    this.#work = new AbortController();
    for (const [digest, node] of this.#nodes) {
      if (node.report.isUnderWay) node.report.cancelled();
      // What was ended half-way, or failed, begins anew when somebody asks again.
      if (!node.isWhole) this.#drop(digest, node);
    }
    if (this.#held > 0) return;
    for (const [digest, node] of this.#nodes) this.#drop(digest, node);
    this.onIdle();
  }

  #drop(digest: string, { made, outputs, pinned }: Node): void {
    this.#nodes.delete(digest);
    // What is there goes at once: who asks next must not find it in use.
    if (outputs === undefined) made?.then((late) => late.release(), noop);
    else outputs.release();
    pinned?.then((source) => source.release?.(), noop);
  }

  /** Makes nodes of all that an edge needs, tells of them, and begins to find out what they are. */
  #enter(edge: Edge, context: BuildContext): void {
    const added: Node[] = [];
    for (const vertex of verticesOf([edge])) {
      if (this.#nodes.has(vertex.digest)) continue;
      const inputs = vertex.inputs.map((input) => ({ node: this.#node(input.vertex), output: input.output }));
      const report = new VertexReport(vertex, context.onProgress);
      const node: Node = { vertex, inputs, report, context, isWhole: false };
      this.#nodes.set(vertex.digest, node);
      added.push(node);
      node.report.announce();
    }
    for (const node of added) {
      const begun = node.vertex.operation.type === 'source' ? this.#pinned(node) : this.#operationKey(node);
      begun.then(() => {
        if (node.made === undefined) node.isWhole = true;
      }, noop);
    }
  }

  #node({ digest }: Vertex): Node {
    const node = this.#nodes.get(digest);
    if (node === undefined) throw new TypeError(`vertex ${digest} is no part of the build`);
    return node;
  }

  #signalOf({ context }: Node): AbortSignal {
    return AbortSignal.any([context.signal, this.#work.signal]);
  }

  #mustRun({ vertex }: Node): boolean {
    return vertex.isUncached && vertex.operation.type !== 'source' && !this.fresh.has(vertex.digest);
  }

  #pinned(node: Node): Promise<PinnedSource> {
    const pin = async (): Promise<PinnedSource> => {
      const { operation, platform } = node.vertex;
      if (operation.type !== 'source') throw new TypeError(`${node.vertex.name} is no source`);
      const scheme = operation.identifier.slice(0, operation.identifier.indexOf('://'));
      const kind = this.parts.sources[scheme];
      if (kind === undefined) throw fail('invalid-argument', `unsupported source scheme ${scheme}`);
      return kind.pin(operation, platform, sourceRun(node, this.#signalOf(node)));
    };
    node.pinned ??= tellWork(node, pin, { prefix: 'failed to load cache key: ' });
    return node.pinned;
  }

  #operationKey(node: Node): Promise<OperationKey> {
    node.key ??= findKey(this.#keys, node).then((found) => {
      node.found = found;
      return found;
    });
    return node.key;
  }

  #made(node: Node): Promise<HeldOutputs> {
    if (node.made === undefined) {
      node.made = node.vertex.operation.type === 'source' ? this.#materialised(node) : this.#worked(node);
      node.isWhole = false;
      node.made.then((outputs) => {
        node.isWhole = true;
        node.outputs = outputs;
      }, noop);
    }
    return node.made;
  }

  async #materialised(node: Node): Promise<HeldOutputs> {
    const source = await this.#pinned(node);
    const run = sourceRun(node, this.#signalOf(node));
    const bring = async (): Promise<HeldOutputs> => outputsOfSource(await source.materialise(run));
    return source.rest === 'nothing' ? bring() : tellWork(node, bring, { isCached: source.rest === 'known' });
  }

  async #worked(node: Node): Promise<HeldOutputs> {
    const operationKey = await this.#operationKey(node);
    try {
      const mustRun = this.#mustRun(node);
      const held = (await this.#known(node, operationKey)) ?? (await this.#done(node, operationKey));
      // Whoever did it: it has been done since this build began.
      if (mustRun) this.fresh.add(node.vertex.digest);
      node.record = held.record.id;
      return outputsOfRecord(held);
    } catch (error) {
      throw vertexError(node, error);
    }
  }

  /** What is in a cache already. */
  async #known(node: Node, operationKey: OperationKey): Promise<HeldRecord | undefined> {
    if (this.#mustRun(node)) return undefined;
    const { cache } = this.parts;
    const { key, alias } = operationKey;
    const held = cache.hold(key) ?? (await imported(this.parts, node, operationKey, this.#signalOf(node)));
    if (held === undefined) return undefined;
    if (alias !== undefined) cache.addAlias(key, alias);
    for (const { digest } of verticesOf([{ vertex: node.vertex, output: 0 }])) {
      const below = this.#nodes.get(digest);
      if (below === node || below?.made === undefined) below?.report.cached();
    }
    return held;
  }

  /** Does it, or waits for another build that does the same. */
  async #done(node: Node, operationKey: OperationKey): Promise<HeldRecord> {
    const { cache, jobs } = this.parts;
    const mustRun = this.#mustRun(node);
    // A run in spite of what is known is shared with others of its kind alone.
    const name = mustRun ? `${operationKey.key} anew` : operationKey.key;
    const participant = { context: node.context, onEvent: node.report.take.bind(node.report) };
    const share = (made: HeldRecord): HeldRecord => made.share();
    const signal = this.#signalOf(node);
    const joined = jobs.join(name, participant, signal, share);
    if (joined !== undefined) return joined;
    const inputs = await this.#inputsOf(node);
    try {
      // Another build may have begun it, or even have ended it, meanwhile.
      const other = jobs.join(name, participant, signal, share);
      if (other !== undefined) return await other;
      const known = mustRun ? undefined : cache.hold(operationKey.key);
      if (known !== undefined) {
        node.report.cached();
        return known;
      }
      return await jobs.start(name, workOut(this.parts, node, operationKey, inputs), participant, signal, share);
    } finally {
      for (const input of inputs) input.release();
    }
  }

  async #inputsOf(node: Node): Promise<HeldOutputs[]> {
    const inputs = await Promise.all(node.inputs.map((input) => this.#made(input.node)));
    return inputs.map((input) => input.share());
  }
}
