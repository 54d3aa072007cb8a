import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BuildLayer, BuildLayers } from '#images';
import { digestOf, hostPlatform } from '#oci';
import { fail } from '#std/errors';
import { Slots } from '#std/slots';
import { openRecords } from '#store';
import { openBuildCache } from '../cache/build-cache.ts';
import { openBuildRecords } from '../cache/build-records.ts';
import { createVertex } from '../graph/create-vertex.ts';
import { type CopyAction, execOperation } from '../graph/operation.ts';
import type { Edge, Vertex } from '../graph/vertex.ts';
import type { Progress, VertexProgress } from '../progress.ts';
import type { LocalIndex } from '../session/session.ts';
import { openCauses } from '../solver/causes.ts';
import { createSolver } from '../solver/solver.ts';
import type { Steps } from '../solver/steps.ts';
import type { BuildContext, StepRun } from '../solver/types.ts';
import type { PinnedSource } from '../sources/types.ts';

/** Layers that are only names, with their holds counted; each takes `sizeBytes`. */
export class NamedLayers implements Pick<BuildLayers, 'hold' | 'release' | 'sync'> {
  readonly present = new Set<string>();
  readonly holds = new Map<string, number>();
  isKept: (chainId: string) => boolean = () => false;
  sizeBytes = 100;

  /** Makes a layer above a chain, held with all below it. */
  make(chain: readonly string[], name: string): readonly string[] {
    const made = [...chain, digestOf(`${chain.at(-1) ?? ''} ${name}`)];
    for (const chainId of made) this.present.add(chainId);
    this.hold(made);
    return made;
  }

  hold(chain: readonly string[]): readonly BuildLayer[] | undefined {
    if (!chain.every((chainId) => this.present.has(chainId))) return undefined;
    for (const chainId of chain) this.holds.set(chainId, (this.holds.get(chainId) ?? 0) + 1);
    return chain.map((chainId) => ({
      chainId,
      diffId: chainId,
      tarSizeBytes: this.sizeBytes,
      sizeBytes: this.sizeBytes,
      directory: '/nowhere',
    }));
  }

  release(chainIds: Iterable<string>): void {
    for (const chainId of chainIds) {
      const left = (this.holds.get(chainId) ?? 0) - 1;
      if (left < 0) throw new TypeError(`${chainId} is released more often than it was held`);
      if (left > 0) this.holds.set(chainId, left);
      else this.holds.delete(chainId);
      if (left === 0 && !this.isKept(chainId)) this.present.delete(chainId);
    }
  }

  async sync(): Promise<void> {}
}

const platform = hostPlatform();

/** A solver whose steps are functions of a test: `run` is called for each exec and makes what the layer is named. */
export function openBench(run: (words: readonly string[], step: StepRun) => Promise<string> = async () => 'same') {
  const directory = mkdtempSync(join(tmpdir(), 'estiba-solver-'));
  const records = openRecords(join(directory, 'records.db'));
  const layers = new NamedLayers();
  const buildRecords = openBuildRecords(records);
  layers.isKept = (chainId) => buildRecords.users(chainId) > 0;
  const cache = openBuildCache(buildRecords, layers as unknown as BuildLayers);
  /** What local directories hold: contents by path. */
  const files = new Map<string, string>();
  /** How often each source was brought. */
  const brought: string[] = [];
  /** What was digested. */
  const digested: string[] = [];
  const released: string[] = [];

  const steps: Steps = {
    async exec(operation, _, step) {
      const base = step.inputs[0];
      const name = await run(operation.words, step);
      return [{ kind: 'layers', chain: layers.make(base?.kind === 'layers' ? base.chain : [], name) }];
    },
    async file(operation, step) {
      const [base, from] = step.inputs;
      const name = from?.kind === 'layers' ? `${from.chain.at(-1)}` : [...files].join();
      const actions = operation.actions.map(({ action }) => action.type).join();
      return [{ kind: 'layers', chain: layers.make(base?.kind === 'layers' ? base.chain : [], actions + name) }];
    },
    async merge(step) {
      return { kind: 'layers', chain: layers.make([], step.inputs.map((input) => JSON.stringify(input)).join()) };
    },
    diff: () => Promise.reject(fail('not-implemented', 'diff')),
    asLayers: async (result) => ({ kind: 'layers', chain: layers.make([], JSON.stringify(result)) }),
    async digest(result, { source }, { listsFiles }) {
      digested.push(source);
      if (result.kind === 'layers') return { digest: digestOf(`${result.chain.at(-1)} ${source}`) };
      const content = files.get(source);
      if (content === undefined)
        throw fail('not-found', `failed to calculate checksum of ref x: "${source}": not found`);
      const listed = listsFiles ? { files: new Map([[source.slice(1), content]]) } : {};
      return { digest: digestOf(content), ...listed };
    },
  };

  function pin(identifier: string, key: string): PinnedSource {
    return {
      key: async () => key,
      rest: identifier.startsWith('local') ? 'nothing' : 'known',
      async materialise() {
        brought.push(identifier);
        if (identifier.startsWith('local')) {
          const index = { entries: () => [], get: () => undefined } as unknown as LocalIndex;
          const result = { kind: 'directory', path: '/nowhere', index } as const;
          return { result, release: () => released.push(identifier) };
        }
        const chain = layers.make([], identifier);
        return { result: { kind: 'layers', chain }, release: () => layers.release(chain) };
      },
    };
  }

  const solver = createSolver({
    cache,
    layers,
    steps,
    sources: {
      'docker-image': { pin: async ({ identifier }) => pin(identifier, identifier) },
      local: { pin: async ({ identifier }) => pin(identifier, digestOf([...files].join())) },
    },
    processSlots: new Slots(() => 4),
    causes: openCauses(records.database),
  });

  return {
    solver,
    cache,
    layers,
    files,
    brought,
    digested,
    released,
    buildRecords,
    /** The disk takes nothing more. */
    fillDisk: () => void records.database.exec('PRAGMA query_only = 1'),
    async [Symbol.asyncDispose]() {
      await cache.close();
      records[Symbol.dispose]();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

let builds = 0;

/** A build of its own, and what it was told. */
export function newBuild(more: Partial<BuildContext> = {}) {
  const told: Progress[] = [];
  const controller = new AbortController();
  builds += 1;
  const context: BuildContext = {
    id: `build-${builds}`,
    sessions: [],
    onProgress: (progress) => told.push(progress),
    signal: controller.signal,
    imageResolveMode: 'default',
    cacheImports: [],
    ...more,
  };
  const last = (vertex: Vertex): VertexProgress | undefined =>
    told.findLast((one): one is VertexProgress => one.type === 'vertex' && one.digest === vertex.digest);
  return { context, told, last, abort: () => controller.abort() };
}

/** An output of a vertex. */
export const at = (vertex: Vertex, output = 0): Edge => ({ vertex, output });

/** A base image of that name. */
export function image(name = 'busybox'): Vertex {
  const operation = { type: 'source', identifier: `docker-image://${name}`, attributes: {} } as const;
  return createVertex({ operation, inputs: [], platform, name: `FROM ${name}`, isUncached: false });
}

/** A client's directory of that name. */
export function local(name = 'context'): Vertex {
  const operation = { type: 'source', identifier: `local://${name}`, attributes: {} } as const;
  return createVertex({ operation, inputs: [], platform, name: '[internal] load build context', isUncached: false });
}

/** A RUN on top of something; `reads` are mounted for reading. */
export function exec(
  base: Vertex,
  command: string,
  more: Partial<Vertex> & { environment?: string[]; reads?: Vertex[] } = {},
) {
  const { environment = [], reads = [], ...rest } = more;
  const mount = { type: 'bind', selector: '' } as const;
  const operation = execOperation({
    words: [command],
    environment,
    mounts: [
      { ...mount, target: '/', input: 0, isReadOnly: false, output: 0 },
      ...reads.map((_, index) => ({ ...mount, target: `/in${index}`, input: index + 1, isReadOnly: true, output: -1 })),
    ],
  });
  const inputs = [at(base), ...reads.map((read) => at(read))];
  return createVertex({ operation, inputs, platform, name: `RUN ${command}`, isUncached: false, ...rest });
}

/** A COPY of one path onto something. */
export function copy(base: Vertex, from: Vertex, source: string, more: Partial<Vertex> = {}): Vertex {
  const action: CopyAction = {
    type: 'copy',
    source,
    destination: '/',
    followsSymlink: true,
    copiesContents: false,
    unpacks: false,
    createsDestination: true,
    allowsWildcard: true,
    allowsEmptyWildcard: false,
    includes: [],
    excludes: [],
    replaces: false,
  };
  const operation = { type: 'file', actions: [{ input: 0, secondaryInput: 1, output: 0, action }] } as const;
  const inputs = [at(base), at(from)];
  return createVertex({ operation, inputs, platform, name: `COPY ${source} /`, isUncached: false, ...more });
}
