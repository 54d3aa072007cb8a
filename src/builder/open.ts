import { availableParallelism } from 'node:os';
import type { Distribution } from '#distribution';
import { type FileReceivers, openFileReceivers } from '#filesync';
import type { Images } from '#images';
import type { Networks } from '#networks';
import { hostPlatform } from '#oci';
import { fail, runAll } from '#std/errors';
import { Slots } from '#std/slots';
import type { Records } from '#store';
import { openBuildCache } from './cache/build-cache.ts';
import type { BuildRecords } from './cache/build-records.ts';
import { readCacheFilters } from './cache/filters.ts';
import { createCacheGc } from './cache/gc.ts';
import type { BuildGcPolicy } from './cache/policy.ts';
import { pruneCache } from './cache/prune.ts';
import type { Shelf } from './cache/shelf.ts';
import { type CacheParts, cacheItems } from './cache/usage.ts';
import { createClassicBuild } from './classic/build.ts';
import { createSentFiles } from './classic/sent-files.ts';
import { createCacheImporter, createExporter } from './exporters/index.ts';
import { openBuildFiles } from './files/index.ts';
import { createDockerfileFrontend } from './frontend/frontend.ts';
import { openCauses } from './solver/causes.ts';
import { createSolver } from './solver/solver.ts';
import { openGitSource } from './sources/git.ts';
import { openHttpSource } from './sources/http.ts';
import { createImageSource } from './sources/image.ts';
import { localSource } from './sources/local.ts';
import { type LocalDirectories, openLocalDirectories } from './sources/local-directories.ts';
import { createOciLayoutSource } from './sources/oci-layout.ts';
import { openSteps, type StepParts } from './steps/index.ts';
import type { BuildContext, Builder } from './types.ts';

/** What the builder is made of. */
export interface BuilderOptions {
  readonly records: Records;
  /** They keep their layers: `images.builds.keepFor` has been told. */
  readonly buildRecords: BuildRecords;
  readonly images: Pick<Images, 'builds' | 'bases' | 'resolve' | 'tag'>;
  readonly networks: Networks;
  readonly distribution: Distribution;
  readonly dataRoot: string;
  readonly execRoot: string;
  /** Path of crun. */
  readonly runtime: string;
  /** First part of the cgroup path of every process of this engine. */
  readonly cgroupParent: string;
  /** The engine's settings of who answers for names; asked each time. */
  readonly dns: StepParts['dns'];
  /** Start this program as `build-worker` and as `file-receiver`. */
  readonly workerCommand: readonly string[];
  readonly receiverCommand: readonly string[];
  /** What images say made them. */
  readonly version: string;
  /** How the cache is kept small, asked each time. */
  readonly gcPolicy: () => BuildGcPolicy;
}

/** The builder, and what sessions put clients' files into. */
export interface OpenedBuilder {
  readonly builder: Builder;
  readonly locals: LocalDirectories;
}

function shelvesOf(locals: LocalDirectories, caches: ReturnType<typeof openSteps>['caches']): readonly Shelf[] {
  return [
    {
      type: 'source.local',
      list: () => [...locals.all()].map((record) => ({ ...record, description: `local source for ${record.name}` })),
      remove: (id) => locals.remove(id),
    },
    { type: 'exec.cachemount', list: () => caches.list(), remove: (id) => caches.remove(id) },
  ];
}

/** Signals of the builds that are under way, so that all of them can be ended. */
class Underway {
  readonly #ending = new AbortController();
  readonly #builds = new Set<Promise<unknown>>();

  /** Does a part of a build, which `end` ends. */
  run<T>(context: BuildContext, work: (context: BuildContext) => Promise<T>): Promise<T> {
    const signal = AbortSignal.any([context.signal, this.#ending.signal]);
    const build = work({ ...context, signal }).finally(() => this.#builds.delete(build));
    this.#builds.add(build);
    return build;
  }

  async end(): Promise<void> {
    this.#ending.abort(fail('cancelled', 'context canceled'));
    await Promise.allSettled(this.#builds);
  }
}

/** Opens the builder over the engine's features. Nothing is done by it before somebody builds, or asks for `reconcile`. */
export function openBuilder(options: BuilderOptions): OpenedBuilder {
  const { records, images, dataRoot, distribution } = options;
  const layers = images.builds;
  const cache = openBuildCache(options.buildRecords, layers, () => gc.look());
  const receivers: FileReceivers = openFileReceivers(options.receiverCommand);
  const locals = openLocalDirectories({ records, dataRoot, receivers });
  const files = openBuildFiles({ builds: layers, workerCommand: options.workerCommand });
  const steps = openSteps({ ...options, builds: layers, measure: files.measure });
  const [gitSource, httpSource] = [openGitSource(options), openHttpSource(options)];
  const shelves = [...shelvesOf(locals, steps.caches), ...gitSource.shelves, ...httpSource.shelves];
  const cacheParts: CacheParts = { cache, layers, shelves };
  const gc = createCacheGc(cacheParts, dataRoot, options.gcPolicy);
  const layouts = createOciLayoutSource(layers);
  const imageSource = createImageSource({ bases: images.bases, layers, cache, layouts });
  const solver = createSolver({
    cache,
    layers,
    steps: { ...files, exec: steps.exec },
    sources: {
      'docker-image': imageSource,
      'oci-layout': layouts,
      local: localSource,
      git: gitSource,
      http: httpSource,
      https: httpSource,
    },
    processSlots: new Slots(() => Math.max(4, 2 * availableParallelism())),
    causes: openCauses(records.database),
    onIdle: () => gc.look(),
  });
  const underway = new Underway();
  const frontendParts = { solve: solver.solve, images: imageSource, files, platform: hostPlatform() };
  const frontend = createDockerfileFrontend(frontendParts);
  const exporter = createExporter({ builds: layers, solver, distribution });
  const importer = createCacheImporter({ builds: layers, bases: images.bases, distribution });
  const classic = createClassicBuild({
    ...frontendParts,
    solver,
    builds: layers,
    store: images,
    directories: locals,
    importCaches: importer,
    version: options.version,
  });
  const builder: Builder = {
    dockerfile: (request, context) => underway.run(context, (one) => frontend(request, one)),
    // It makes contexts of its own, which end with its client.
    classic,
    takeSentFiles: createSentFiles(locals),
    images: imageSource,
    solve: (edge, context) => underway.run(context, (one) => solver.solve(edge, one)),
    open: (result) => files.open(result),
    importCaches: importer,
    container: steps.container,
    export: (result, requests, context) =>
      underway.run(context, async (one) => {
        const response = await exporter(result, requests, one);
        // What was answered survives the engine. An image has just been synced, with all that it consists of.
        void cache.flush();
        return response;
      }),
    usage(filters) {
      const { matches, unusedSinceMs } = readCacheFilters(filters);
      return cacheItems(cacheParts)
        .filter(({ lastUsedMs }) => unusedSinceMs === undefined || lastUsedMs < unusedSinceMs)
        .map(({ shown }) => shown)
        .filter(matches);
    },
    prune: (request) => pruneCache(cacheParts, dataRoot, request),
    async reconcile() {
      cache.reconcile();
      await steps.reconcile();
      await locals.reconcile();
      await gitSource.reconcile();
      await httpSource.reconcile();
    },
    close: () =>
      runAll([
        () => underway.end(),
        () => gc.settled(),
        () => steps.close(),
        () => files.close(),
        () => locals.close(),
        () => cache.close(),
      ]),
  };
  return { builder, locals };
}
