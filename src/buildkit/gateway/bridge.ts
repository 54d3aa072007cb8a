import type { gateway, llb, worker } from '#build-api';
import type { BuildContext, Builder, Edge, HeldResult, OpenedResult } from '#builder';
import { GrpcError, type Written } from '#grpc';
import { hostPlatform, type Platform } from '#oci';
import { fail } from '#std/errors';
import { newId } from '#std/identifiers';
import type { BuildSessions } from '../control/build-sessions.ts';
import { callError } from '../control/errors.ts';
import type { ImportOnce } from '../control/import-once.ts';
import { importsOf } from '../control/options.ts';
import { encodeEdge, platformOf } from '../llb/definition.ts';
import type { EdgeBook } from '../llb/edge-book.ts';
import { gatewayCaps, llbCaps } from './caps.ts';
import { Containers } from './containers.ts';
import { listInResult, readInResult, statInResult } from './files.ts';
import { checkEntitlements, edgesOf, evaluate } from './frontends.ts';
import { hasOperations, makeGraph } from './graph.ts';
import type { GatewayResult } from './result.ts';
import { failedStep, withStep } from './solve-detail.ts';

export interface BridgeParts {
  readonly builder: Builder;
  readonly book: EdgeBook;
  readonly context: BuildContext;
  readonly sessions: BuildSessions;
  readonly imports: ImportOnce;
  readonly entitlements: ReadonlySet<string>;
  /** What the client has given the build as inputs, as it came. */
  readonly inputs: ReadonlyMap<string, llb.Definition>;
  readonly workers: readonly Written<typeof worker.workerRecord>[];
}

/** Something a client may look into: made when it first does. */
interface Reference {
  readonly edge: Edge;
  held?: Promise<HeldResult>;
  opened?: Promise<OpenedResult>;
}

const allCaps = (ids: readonly string[]) => ids.map((id) => ({ id, enabled: true }));

/** The gateway of one build: its client has graphs made, looks into results, and says in the end what the build has come to. */
export class Bridge {
  private readonly references = new Map<string, Reference>();
  private readonly outcome = Promise.withResolvers<GatewayResult>();

  /** Those of the client. */
  readonly containers: Containers;

  constructor(private readonly parts: BridgeParts) {
    this.containers = new Containers(parts);
    this.outcome.promise.catch(() => undefined);
    const { signal } = parts.context;
    const gone = (): void => this.outcome.reject(fail('cancelled', 'context canceled'));
    if (signal.aborted) gone();
    else signal.addEventListener('abort', gone, { once: true });
  }

  /** What the client returns; throws the error that it returns instead, and `cancelled` when the build is. */
  get result(): Promise<GatewayResult> {
    return this.outcome.promise;
  }

  ping(): Written<typeof gateway.pongResponse> {
    return { frontendApiCaps: allCaps(gatewayCaps), llbCaps: allCaps(llbCaps), workers: this.parts.workers };
  }

  async solve(request: gateway.SolveRequest, call: AbortSignal): Promise<Written<typeof gateway.solveResponse>> {
    if (request.sourcePolicies.some(({ rules }) => rules.length > 0)) {
      throw fail('not-implemented', 'source policies are not supported by this engine');
    }
    if (request.frontend !== '' && hasOperations(request.definition)) {
      throw fail('invalid-argument', 'cannot solve with both Definition and Frontend specified');
    }
    const context = await this.contextOf(request, call);
    const { frontend, definition, frontendInputs: inputs } = request;
    const wanted = { frontend, options: Object.fromEntries(request.frontendOpt), inputs, definition };
    const result = await makeGraph(this.parts, wanted, async () => context);
    checkEntitlements(edgesOf(result), this.parts.entitlements);
    if (result.refs !== undefined && !request.allowResultReturn) {
      throw fail('invalid-argument', 'solve did not return default result');
    }
    if (request.evaluate) await this.debuggable(evaluate(this.parts.builder, edgesOf(result), context));
    const answer = this.answer(result, request.allowResultArrayRef);
    const id = answer.ref?.id ?? answer.refDeprecated ?? '';
    if (request.final) this.outcome.resolve(result);
    return { result: answer, ...(!request.allowResultReturn && { ref: id }) };
  }

  async evaluate({ ref }: gateway.EvaluateRequest): Promise<Written<typeof gateway.evaluateResponse>> {
    await this.hold(this.find(ref));
    return {};
  }

  async readFile(request: gateway.ReadFileRequest): Promise<Written<typeof gateway.readFileResponse>> {
    const { directory } = await this.open(request.ref);
    return { data: await readInResult(directory, request.filePath, request.range) };
  }

  async readDirectory(request: gateway.ReadDirRequest): Promise<Written<typeof gateway.readDirResponse>> {
    const { directory } = await this.open(request.ref);
    return { entries: listInResult(directory, request.dirPath, request.includePattern) };
  }

  async statFile(request: gateway.StatFileRequest): Promise<Written<typeof gateway.statFileResponse>> {
    const { directory } = await this.open(request.ref);
    return { stat: statInResult(directory, request.path) };
  }

  async resolveImageConfig(
    request: gateway.ResolveImageConfigRequest,
  ): Promise<Written<typeof gateway.resolveImageConfigResponse>> {
    const scheme = request.resolverType === 1 ? 'oci-layout://' : '';
    const image = await this.resolve(`${scheme}${request.ref}`, request.platform, request.resolveMode);
    return { ref: image.reference, digest: image.digest ?? image.imageId, config: image.config };
  }

  async resolveSource(
    request: gateway.ResolveSourceMetaRequest,
  ): Promise<Written<typeof gateway.resolveSourceMetaResponse>> {
    const { source } = request;
    if (source === undefined) throw fail('invalid-argument', 'source is required');
    const image = 'docker-image://';
    if (!source.identifier.startsWith(image)) return { source };
    const reference = source.identifier.slice(image.length);
    const found = await this.resolve(reference, request.platform, request.resolveMode);
    return {
      source: { ...source, identifier: `${image}${found.reference}` },
      image: { digest: found.digest ?? found.imageId, config: found.config },
    };
  }

  inputs(): Written<typeof gateway.inputsResponse> {
    return { definitions: this.parts.inputs };
  }

  warn({ digest, level, short, detail, url, info, ranges }: gateway.WarnRequest): Written<typeof gateway.warnResponse> {
    const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
    this.parts.context.onProgress({
      type: 'warning',
      vertex: digest,
      level,
      short: text(short),
      detail: detail.map(text),
      url,
      ...(info !== undefined && { fileName: info.filename, source: text(info.data) }),
      ranges: ranges.map(({ start, end }) => ({ first: start?.line ?? 0, last: end?.line ?? start?.line ?? 0 })),
    });
    return {};
  }

  /** What the client ends the build with. */
  return({ result, error }: gateway.ReturnRequest): Written<typeof gateway.returnResponse> {
    if (error !== undefined) {
      this.outcome.reject(new GrpcError(error.code, error.message, error.details));
      return {};
    }
    if (result === undefined) throw fail('invalid-argument', 'gateway return must be either result or err');
    const edge = (id: string): Edge | undefined => (id === '' ? undefined : this.find(id).edge);
    const { metadata } = result;
    if (result.refs !== undefined) {
      const refs = [...result.refs.refs].map(([key, { id }]) => [key, edge(id)] as const);
      this.outcome.resolve({ refs: new Map(refs), metadata });
    } else if (result.refsDeprecated !== undefined) {
      const refs = [...result.refsDeprecated.refs].map(([key, id]) => [key, edge(id)] as const);
      this.outcome.resolve({ refs: new Map(refs), metadata });
    } else {
      this.outcome.resolve({ ref: edge(result.ref?.id ?? result.refDeprecated ?? ''), metadata });
    }
    return {};
  }

  /** A container over results that the client knows. */
  async newContainer(request: gateway.NewContainerRequest): Promise<Written<typeof gateway.newContainerResponse>> {
    const held = await Promise.all(
      request.mounts.map(({ resultId }) => (resultId === '' ? undefined : this.hold(this.find(resultId)))),
    );
    const results = held.map((one) => one?.result);
    return await this.containers.open(request, results, this.parts.context);
  }

  /** Lets go of all that the client has looked into. */
  async close(): Promise<void> {
    await this.containers.close();
    const references = [...this.references.values()];
    this.references.clear();
    this.outcome.reject(fail('cancelled', 'context canceled'));
    for (const { opened } of references) await opened?.then((open) => open.close()).catch(() => undefined);
    for (const { held } of references) await held?.then((result) => result.release()).catch(() => undefined);
  }

  private async contextOf(request: gateway.SolveRequest, call: AbortSignal): Promise<BuildContext> {
    const { imports, context } = this.parts;
    const signal = AbortSignal.any([context.signal, call]);
    const said = request.cacheImports.map(({ type, attrs }) => ({ type, attributes: Object.fromEntries(attrs) }));
    const wanted = [...said, ...importsOf(request.frontendOpt)];
    if (wanted.length === 0) return { ...context, signal };
    return { ...context, signal, cacheImports: await imports.get(wanted) };
  }

  /** An error of a step comes with references to what the step began with. */
  private async debuggable<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      const step = failedStep(error);
      if (step === undefined) throw error;
      const inputs = step.vertex.inputs.map((edge) => this.register(edge));
      throw withStep(callError(error, this.parts.context.signal), step, inputs);
    }
  }

  private register(edge: Edge | undefined): string {
    if (edge === undefined) return '';
    const id = newId().slice(0, 25);
    this.references.set(id, { edge });
    return id;
  }

  private answer({ ref, refs, metadata }: GatewayResult, isArray: boolean): Written<typeof gateway.result> {
    const { book } = this.parts;
    const named = (edge: Edge | undefined) => ({ id: this.register(edge), def: edge && encodeEdge(edge, book) });
    if (refs === undefined) {
      const answer = named(ref);
      return isArray ? { ref: answer, metadata } : { refDeprecated: answer.id, metadata };
    }
    const answers = [...refs].map(([key, edge]) => [key, named(edge)] as const);
    if (isArray) return { refs: { refs: new Map(answers) }, metadata };
    return { refsDeprecated: { refs: new Map(answers.map(([key, { id }]) => [key, id])) }, metadata };
  }

  private find(id: string): Reference {
    const reference = this.references.get(id);
    if (reference === undefined) throw fail('not-found', `no such ref: ${id}`);
    return reference;
  }

  private async hold(reference: Reference): Promise<HeldResult> {
    reference.held ??= this.debuggable(this.parts.builder.solve(reference.edge, this.parts.context));
    return await reference.held;
  }

  private async open(id: string): Promise<OpenedResult> {
    const reference = this.find(id);
    const { result } = await this.hold(reference);
    reference.opened ??= this.parts.builder.open(result);
    return await reference.opened;
  }

  private async resolve(reference: string, platform: llb.Platform | undefined, mode: string) {
    const { builder, context } = this.parts;
    const wanted: Platform = platform === undefined ? hostPlatform() : platformOf(platform);
    const modes = { default: 'default', pull: 'pull', local: 'local' } as const;
    const chosen = mode in modes ? modes[mode as keyof typeof modes] : undefined;
    return await builder.images.resolve(reference, wanted, context, chosen);
  }
}
