import type { control } from '#build-api';
import type { BuildContext, Builder, BuildSession, ExportResponse, FrontendResult } from '#builder';
import { printPlatform } from '#oci';
import { fail } from '#std/errors';
import { Bridge } from '../gateway/bridge.ts';
import { checkEntitlements, edgesOf, evaluate } from '../gateway/frontends.ts';
import { hasOperations, makeGraph } from '../gateway/graph.ts';
import { frontendResultOf } from '../gateway/result.ts';
import type { BuildOutcome, History } from '../history/history.ts';
import { provenanceOf, type ResolveImage } from '../history/provenance.ts';
import type { EdgeBook } from '../llb/edge-book.ts';
import { warnOfAttestations } from './attestations.ts';
import { BuildSessions } from './build-sessions.ts';
import type { Builds, RunningBuild } from './builds.ts';
import { callError } from './errors.ts';
import { ImportOnce } from './import-once.ts';
import { readSolveOptions, type SolveOptions } from './options.ts';
import type { Workers } from './workers.ts';

/** Finds the session that a build names; waits some seconds for one that is about to come. Throws when none does. */
export type FindSession = (id: string, signal: AbortSignal) => Promise<BuildSession>;

export interface SolveParts {
  readonly builder: () => Promise<Builder>;
  readonly sessions: FindSession;
  readonly builds: Builds;
  readonly history: History;
  readonly book: EdgeBook;
  readonly workers: Workers;
}

const explainOption = 'estiba.explain';

function contextOf(request: control.SolveRequest, build: RunningBuild, sessions: BuildSessions): BuildContext {
  return {
    id: build.ref,
    sessions: sessions.all,
    onProgress: (progress) => build.progress.add(progress),
    signal: build.signal,
    imageResolveMode: 'default',
    cacheImports: [],
    explains: request.frontendAttrs.get(explainOption) === 'true',
  };
}

/** Where what was built comes from, by platform; nothing for what is of no Dockerfile. */
async function provenancesOf(
  builder: Builder,
  { frontend, frontendAttrs }: control.SolveRequest,
  { outputs, isMultiPlatform }: FrontendResult,
  context: BuildContext,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const options = Object.fromEntries(frontendAttrs);
  const resolve: ResolveImage = (reference, platform) => builder.images.resolve(reference, platform, context, 'local');
  const all = outputs.map(async (output) => {
    const content = await provenanceOf(output, frontend || 'dockerfile.v0', options, resolve);
    return [isMultiPlatform ? printPlatform(output.platform) : '', content] as const;
  });
  return new Map(await Promise.all(all));
}

async function work(
  parts: SolveParts,
  request: control.SolveRequest,
  options: SolveOptions,
  build: RunningBuild,
): Promise<Pick<BuildOutcome, 'provenances'> & { readonly response: ExportResponse }> {
  const builder = await parts.builder();
  const sessions = new BuildSessions(parts.sessions, build.signal);
  await sessions.add(request.session);
  const context = contextOf(request, build, sessions);
  const imports = new ImportOnce(builder, context);
  // A client that drives the build does not wait for caches: it looks for its gateway at once.
  const withImports = async () => ({ ...context, cacheImports: await imports.get(options.cacheImports) });
  const { book } = parts;
  const { entitlements } = options;
  const workers = parts.workers.list();
  const inputs = request.frontendInputs;
  const bridge = new Bridge({ builder, book, context, sessions, imports, entitlements, inputs, workers });
  try {
    const { frontend, definition } = request;
    const isDriven = frontend === '' && !hasOperations(definition);
    if (isDriven) build.serveBridge(bridge);
    const wanted = { frontend, options: Object.fromEntries(request.frontendAttrs), inputs, definition };
    const graph = isDriven ? await bridge.result : await makeGraph({ builder, book, sessions }, wanted, withImports);
    const edges = edgesOf(graph);
    checkEntitlements(edges, entitlements);
    const result = frontendResultOf(graph);
    if (options.exporters.length === 0) await evaluate(builder, edges, await withImports());
    const provenances = await provenancesOf(builder, request, result, context);
    if (options.exporters.length + options.cacheExports.length === 0) return { response: {}, provenances };
    if (options.exporters.length > 0) warnOfAttestations(request.frontendAttrs, context);
    const exports = { exporters: options.exporters, caches: options.cacheExports };
    const responses = await builder.export(result, exports, await withImports());
    return { response: Object.assign({}, ...responses), provenances };
  } finally {
    await bridge.close();
  }
}

/** Control.Solve: a whole build, from its graph to what it is given out as. Throws `GrpcError`. */
export async function solve(
  parts: SolveParts,
  request: control.SolveRequest,
  signal: AbortSignal,
): Promise<ExportResponse> {
  const options = readSolveOptions(request);
  const build = parts.builds.begin(request.ref, signal);
  const frontendAttributes = Object.fromEntries(request.frontendAttrs);
  const { exporters } = options;
  try {
    if (!request.internal) {
      parts.history.begin({ id: build.ref, frontend: request.frontend, frontendAttributes, exporters });
    }
    const { response, provenances } = await work(parts, request, options, build);
    // Who was cancelled in the last moment has no result.
    if (build.signal.aborted) throw fail('cancelled', 'context canceled');
    parts.history.complete(build.ref, build.progress.all(), { response, provenances });
    return response;
  } catch (error) {
    const failure = callError(error, build.signal);
    parts.history.complete(build.ref, build.progress.all(), { error: failure });
    throw failure;
  } finally {
    parts.builds.end(build);
  }
}
