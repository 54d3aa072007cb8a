import type { ProgressMessage } from '#api';
import { type Dockerfile, DockerfileError, type EvaluatedStep, proxyArguments } from '#dockerfile';
import { familiarReference, formatReference, type ImageReference, parseReference, withDefaultTag } from '#oci';
import { fail, messageOf } from '#std/errors';
import { shortId } from '#std/identifiers';
import type { FinishedStage } from '../frontend/stage-state.ts';
import { type PreparedBuild, prepareBuild } from './prepare.ts';
import { createSentFiles } from './sent-files.ts';
import { ClassicFailure, line, StageRunner } from './stages.ts';
import type { ClassicBuild, ClassicParts } from './types.ts';
import { StepWatch } from './watch.ts';
import { type StepError, stepError } from './words.ts';

/** Counts steps, and gives each its line. */
class Headers {
  #count = 0;

  constructor(readonly total: number) {}

  next(text: string): ProgressMessage[] {
    this.#count++;
    return [line(`Step ${this.#count}/${this.total} : ${text}`), line('\n')];
  }
}

const errorMessage = ({ code, message }: StepError): ProgressMessage => ({
  errorDetail: { ...(code !== undefined && { code }), message },
  error: message,
});

/** What is said of continuation lines with nothing in them. */
function continuationWarnings({ dockerfile }: PreparedBuild): ProgressMessage[] {
  const { nodes, emptyContinuations } = dockerfile.syntax;
  const found = nodes.filter(({ lines }) =>
    emptyContinuations.some(({ first }) => first >= lines.first && first <= lines.last),
  );
  if (found.length === 0) return [];
  const red = (text: string): ProgressMessage => line(`\u001b[91m[WARNING]: ${text}\n\u001b[0m`);
  return [
    ...found.map(({ code }) => red(`Empty continuation line found in: ${code}`)),
    red('Empty continuation lines will become errors in a future release.'),
  ];
}

/** Labels of the request are steps of the last stage. */
function withLabels(finished: FinishedStage, labels: ReadonlyMap<string, string>): FinishedStage {
  if (labels.size === 0) return finished;
  const { evaluated, edges, edge } = finished;
  const { user, workingDirectory, shell } = evaluated.config;
  const added = [...labels]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(
      ([key, value]): EvaluatedStep => ({
        instruction: {
          type: 'LABEL',
          pairs: [{ key, value, isLegacy: false }],
          node: { ...evaluated.stage.stage.node, code: `LABEL ${key}=${value}` },
        },
        sources: [],
        isTrigger: false,
        variables: evaluated.variables,
        argumentCount: evaluated.argumentNames.length,
        settings: { user, workingDirectory, ...(shell && { shell }) },
      }),
    );
  return {
    ...finished,
    evaluated: { ...evaluated, steps: [...evaluated.steps, ...added] },
    edges: [...edges, ...added.map(() => edge)],
  };
}

/** What of a Dockerfile stands before the line that an error is about, and that line; undefined when it is about none. */
function beginningOf(
  dockerfile: Dockerfile,
  error: unknown,
): { dockerfile: Dockerfile; code: string; cutStage?: number } | undefined {
  const [at] = error instanceof DockerfileError ? error.lines : [];
  if (at === undefined) return undefined;
  for (const [index, stage] of dockerfile.stages.entries()) {
    const before = dockerfile.stages.slice(0, index);
    if (stage.node.lines.first === at.first)
      return { dockerfile: { ...dockerfile, stages: before }, code: stage.node.code };
    const wrong = stage.instructions.findIndex(({ node }) => node.lines.first === at.first);
    const instruction = stage.instructions[wrong];
    if (instruction === undefined) continue;
    const cut = { ...stage, instructions: stage.instructions.slice(0, wrong) };
    return { dockerfile: { ...dockerfile, stages: [...before, cut] }, code: instruction.node.code, cutStage: index };
  }
  return undefined;
}

/** One classic build under way. */
class Build {
  readonly #headers: Headers;
  #finalId = '';

  constructor(
    readonly parts: ClassicParts,
    readonly prepared: PreparedBuild,
    readonly runner: StageRunner,
    readonly references: readonly ImageReference[],
  ) {
    const { dockerfile, target, surroundings } = prepared;
    const { globalArguments, stages } = dockerfile;
    const own = stages.slice(0, target + 1).map(({ instructions }) => 1 + instructions.length);
    const count = own.reduce((sum, one) => sum + one, globalArguments.length + surroundings.options.labels.size);
    this.#headers = new Headers(count);
  }

  async *run(): AsyncGenerator<ProgressMessage> {
    yield* continuationWarnings(this.prepared);
    for (const { node } of this.prepared.dockerfile.globalArguments) yield* this.#headers.next(node.code);
    try {
      yield* this.#stages();
    } catch (error) {
      if (this.runner.context.signal.aborted) throw error;
      await this.#commit([]);
      yield errorMessage(error instanceof ClassicFailure ? error.told : stepError(undefined, [], error));
      return;
    }
    if (this.#finalId === '') {
      yield errorMessage({ message: 'No image was generated. Is your Dockerfile empty?' });
      return;
    }
    yield* this.#unusedArguments();
    await this.#commit(this.references);
    yield line(`Successfully built ${shortId(this.#finalId)}\n`);
    for (const reference of this.references) yield line(`Successfully tagged ${familiarReference(reference)}\n`);
  }

  get id(): string {
    return this.#finalId;
  }

  async *#stages(): AsyncGenerator<ProgressMessage> {
    const { dockerfile, target, surroundings } = this.prepared;
    const { labels } = surroundings.options;
    const wanted = { ...dockerfile, stages: dockerfile.stages.slice(0, target + 1) };
    let finished: ReadonlyMap<number, FinishedStage>;
    try {
      finished = await this.#graph(wanted);
    } catch (error) {
      const before = beginningOf(wanted, error);
      if (before === undefined) throw error;
      if (before.dockerfile.stages.length > 0) yield* this.#run(await this.#graph(before.dockerfile), before.cutStage);
      yield* this.#headers.next(before.code);
      const [, from] = /^COPY\s.*--from=(\S+)/i.exec(before.code) ?? [];
      const told = stepError(undefined, [], error);
      const isImage = from !== undefined && messageOf(error).startsWith(`${from}: failed to resolve`);
      throw new ClassicFailure(isImage ? { message: `invalid from flag value ${from}: ${told.message}` } : told);
    }
    yield* this.#run(
      new Map([...finished].map(([index, one]) => [index, index === target ? withLabels(one, labels) : one])),
    );
    this.#finalId = this.runner.endOf(target);
  }

  async #graph(dockerfile: Dockerfile): Promise<ReadonlyMap<number, FinishedStage>> {
    const build = this.prepared.buildOf(dockerfile);
    const { plan, stages } = await build.evaluate((all) => all.stages.map(({ index }) => index));
    return build.graph(plan, stages);
  }

  /** The last steps of `cutStage` are missing. */
  async *#run(stages: ReadonlyMap<number, FinishedStage>, cutStage = -1): AsyncGenerator<ProgressMessage> {
    for (const [index, stage] of stages) {
      const { code } = stage.evaluated.stage.stage.node;
      const header = (step?: EvaluatedStep): ProgressMessage[] =>
        this.#headers.next(step?.instruction.node.code ?? code);
      yield* this.runner.run(stage, header, index !== cutStage);
    }
  }

  *#unusedArguments(): Generator<ProgressMessage> {
    const { dockerfile, surroundings } = this.prepared;
    const declared = new Set(proxyArguments);
    const all = [...dockerfile.globalArguments, ...dockerfile.stages.flatMap(({ instructions }) => instructions)];
    for (const one of all) if (one.type === 'ARG') for (const { key } of one.arguments) declared.add(key);
    const unused = [...surroundings.options.buildArguments.keys()].filter((name) => !declared.has(name)).sort();
    if (unused.length > 0) yield line(`[Warning] One or more build-args [${unused.join(' ')}] were not consumed\n`);
  }

  /** Makes the images of steps known, and gives the last one its names. */
  async #commit(names: readonly ImageReference[]): Promise<void> {
    const { made } = this.runner;
    const last = made.findLast(({ id }) => id === this.#finalId);
    const images = made.map((image) => ({ ...image, references: image === last ? names : [] }));
    if (images.length > 0) await this.parts.builds.commitAll(images);
    if (last !== undefined || names.length === 0) return;
    for (const { name, tag = 'latest' } of names) this.parts.store.tag(this.#finalId, name, tag);
  }
}

/** With `quiet` nothing is told but the image's id; of a failed build all that would have been. */
async function* quietly(build: Build): AsyncGenerator<ProgressMessage> {
  const kept: ProgressMessage[] = [];
  for await (const message of build.run()) kept.push(message);
  if (kept.some(({ error }) => error !== undefined)) yield* kept;
  else yield line(`${build.id}\n`);
}

/** The names of an image, in full, each once. Docker says 500 to one that cannot be. */
function referencesOf(names: readonly string[]): ImageReference[] {
  const found = new Map<string, ImageReference>();
  for (const name of names) {
    if (name === '') continue;
    try {
      const reference = withDefaultTag(parseReference(name));
      found.set(formatReference(reference), reference);
    } catch (error) {
      throw fail('internal', messageOf(error), error);
    }
  }
  for (const { digest } of found.values()) {
    if (digest !== undefined) throw fail('internal', 'build tag cannot contain a digest');
  }
  return [...found.values()];
}

/** Builds as the classic API has it: step by step, an image for each. */
export function createClassicBuild(parts: ClassicParts): ClassicBuild {
  const takeFiles = createSentFiles(parts.directories);
  return async (request) => {
    const references = referencesOf(request.names);
    const ending = new AbortController();
    const signal = AbortSignal.any([request.signal, ending.signal]);
    const { body, credentials, options } = request;
    const sent = await takeFiles({ body, credentials, fileName: options.filename, signal });
    const watch = new StepWatch();
    try {
      const prepared = await prepareBuild(parts, request, sent.session, watch, signal);
      const { surroundings } = prepared;
      const isUncached = surroundings.options.uncached === 'all';
      const runner = new StageRunner(parts, request, surroundings.context, watch, isUncached);
      const build = new Build(parts, prepared, runner, references);
      return (async function* () {
        try {
          yield* request.isQuiet ? quietly(build) : build.run();
        } finally {
          ending.abort();
          runner.release();
          sent.release();
        }
      })();
    } catch (error) {
      sent.release();
      throw error;
    }
  };
}
