import {
  type Checks,
  createIgnoreMatcher,
  type Dockerfile,
  DockerfileError,
  type EvaluatedStage,
  evaluateStage,
  expandedMax,
  type LineRange,
  type Plan,
  type PlannedStage,
  planBuild,
  type Source,
  type StageBase,
  type Step,
} from '#dockerfile';
import { type Platform, printPlatform } from '#oci';
import { fail } from '#std/errors';
import type { FrontendOutput } from '../types.ts';
import type { BuildFiles, Surroundings } from './build-files.ts';
import { contextPaths } from './context-paths.ts';
import { forBase, type ImageBase, type ImageBases } from './image-bases.ts';
import { printImage, scratchImage } from './image-config.ts';
import type { NamedContext, NamedContexts } from './named-contexts.ts';
import { isUncached } from './options.ts';
import { buildStage, createdOf } from './stage-graph.ts';
import type { FileSource, FinishedStage, StageRun, StageStart } from './stage-state.ts';
import { createStepNames } from './step-names.ts';

/** What builds of all platforms have in common. */
export interface DockerfileBuild {
  readonly surroundings: Surroundings;
  readonly files: BuildFiles;
  readonly dockerfile: Dockerfile;
  readonly bases: ImageBases;
  readonly contexts: NamedContexts;
  /** Platforms are shown with the names of steps. */
  readonly showsPlatform: boolean;
}

/** What a stage is built on when it is no other stage. */
type Base = { readonly image: ImageBase } | { readonly context: NamedContext };

const usesOf = ({ steps }: PlannedStage): { step: Step; name: string }[] =>
  steps.flatMap((step) =>
    step.sources.flatMap((source) =>
      source?.kind === 'image' && source.name !== 'scratch' ? [{ step, name: source.name }] : [],
    ),
  );

/** A build of a Dockerfile for one platform. */
export class PlatformBuild {
  readonly #bases = new Map<number, Base>();
  /** Stages whose place a context takes. */
  readonly #replaced = new Map<number, NamedContext>();
  /** By name: what files are copied from that no stage makes. */
  readonly #sources = new Map<string, FileSource>();
  /** What of the context is not sent. */
  #excludes: readonly string[] = [];

  constructor(
    readonly build: DockerfileBuild,
    readonly platform: Platform,
    readonly checks: Checks | undefined,
  ) {}

  /** The steps of what is to be made. Throws `DockerfileError` for what is wrong in the file. */
  async run(): Promise<FrontendOutput> {
    const { plan, stages } = await this.evaluate(({ target }) => [target]);
    const finished = this.graph(plan, stages).get(plan.target);
    if (finished === undefined) throw fail('internal', `the target, stage ${plan.target}, was not built`);
    const { surroundings } = this.build;
    const { labels } = surroundings.options;
    const { config } = finished.image;
    const draft = { ...finished.image, config: { ...config, labels: new Map([...config.labels, ...labels]) } };
    return {
      platform: this.platform,
      ...(finished.edge && { edge: finished.edge }),
      config: printImage(draft, createdOf(surroundings.options)),
      ...(finished.baseContent && { baseConfig: finished.baseContent }),
    };
  }

  /** Finds what stages are built on, and goes through those that are asked for and what they need. */
  async evaluate(
    asked: (plan: Plan) => readonly number[],
  ): Promise<{ plan: Plan; stages: ReadonlyMap<number, EvaluatedStage> }> {
    const ignore = this.build.files.ignorePatterns();
    // What fails first is told; the other one must not go unheard.
    ignore.catch(() => {});
    const { plan, needed } = await this.#plan(asked);
    this.#excludes = await ignore;
    const matcher = createIgnoreMatcher(this.#excludes);
    const stages = new Map<number, EvaluatedStage>();
    const budget = { left: expandedMax };
    for (const index of needed) {
      const stage = plan.stages[index];
      if (stage === undefined) continue;
      const base = this.#stageBase(stage, stages);
      const isReplaced = this.#replaced.has(index);
      const options = { evaluated: stages, budget, ignore: matcher, ...(this.checks && { checks: this.checks }) };
      stages.set(index, evaluateStage(plan, isReplaced ? { ...stage, steps: [] } : stage, base, options));
    }
    const failure = this.checks?.failure();
    if (failure !== undefined) throw new DockerfileError(failure);
    return { plan, stages };
  }

  #stageBase(stage: PlannedStage, stages: ReadonlyMap<number, EvaluatedStage>): StageBase {
    const replaced = this.#replaced.get(stage.index);
    if (replaced !== undefined) return replaced.image ?? scratchImage(this.platform);
    const inherited = stage.base.kind === 'stage' ? stages.get(stage.base.index) : undefined;
    if (inherited !== undefined) return inherited;
    const base = this.#bases.get(stage.index);
    const image = base === undefined ? undefined : 'image' in base ? base.image.image : base.context.image;
    return image ?? scratchImage(this.#platformOf(stage));
  }

  #platformOf(stage: PlannedStage): Platform {
    return stage.platform ?? this.platform;
  }

  /** Plans until no base brings further triggers, which may need further stages. */
  async #plan(asked: (plan: Plan) => readonly number[]): Promise<{ plan: Plan; needed: readonly number[] }> {
    const { surroundings, dockerfile } = this.build;
    const { options, parts } = surroundings;
    const triggers = new Map<number, readonly string[]>();
    for (let isFirst = true; ; isFirst = false) {
      const plan = planBuild(dockerfile, {
        platform: this.platform,
        buildPlatform: parts.platform,
        buildArguments: options.buildArguments,
        ...(options.target !== undefined && { target: options.target }),
        ...(triggers.size > 0 && { triggers }),
        ...(isFirst && this.checks && { checks: this.checks }),
      });
      const needed = await this.#resolve(plan, asked(plan));
      const found = needed.filter((index) => !triggers.has(index) && this.#triggersOf(index).length > 0);
      if (found.length === 0) return { plan, needed };
      for (const index of found) triggers.set(index, this.#triggersOf(index));
    }
  }

  #triggersOf(index: number): readonly string[] {
    const base = this.#bases.get(index);
    if (base === undefined || this.#replaced.has(index)) return [];
    return ('image' in base ? base.image.image : base.context.image)?.config.triggers ?? [];
  }

  /** Finds everything that stages are made of; gives those that are needed, in order. */
  async #resolve(plan: Plan, asked: readonly number[]): Promise<number[]> {
    const wanted = new Set(asked);
    const waits: Promise<void>[] = [];
    const started = (work: Promise<void>): void => {
      // The first that fails is told by `all` below.
      work.catch(() => {});
      waits.push(work);
    };
    for (const index of wanted) {
      const stage = plan.stages[index];
      if (stage === undefined) continue;
      if (await this.#replace(stage)) continue;
      for (const need of stage.needs) wanted.add(need);
      started(this.#resolveBase(stage));
      for (const { step, name } of usesOf(stage)) {
        started(this.#resolveSource(name, step.instruction.node.lines));
      }
    }
    await Promise.all(waits);
    return [...wanted].sort((one, other) => one - other);
  }

  async #replace(stage: PlannedStage): Promise<boolean> {
    if (stage.stage.name === '') return false;
    const { contexts } = this.build;
    const context = await contexts.find(stage.stage.name, this.#platformOf(stage));
    if (context === undefined) return false;
    this.#replaced.set(stage.index, context);
    return true;
  }

  async #resolveBase(stage: PlannedStage): Promise<void> {
    const { base, index } = stage;
    if (base.kind !== 'image' || this.#bases.has(index)) return;
    const { name } = base;
    await forBase(name, stage.stage.node.lines, async () => {
      const platform = this.#platformOf(stage);
      const context = await this.build.contexts.find(name, platform);
      this.#bases.set(index, context === undefined ? { image: await this.#image(name, platform) } : { context });
    });
  }

  async #resolveSource(name: string, lines: LineRange): Promise<void> {
    if (this.#sources.has(name)) return;
    await forBase(name, lines, async () => {
      const context = await this.build.contexts.find(name, this.platform);
      if (context !== undefined) this.#sources.set(name, context);
      else {
        const image = await this.#image(name, this.platform);
        this.#sources.set(name, { edge: image.edge(`FROM ${image.reference}`) });
      }
    });
  }

  #image(name: string, platform: Platform): Promise<ImageBase> {
    const shown = this.build.showsPlatform ? `[${printPlatform(platform)} internal]` : '[internal]';
    return this.build.bases.find({ name, platform, title: shown });
  }

  /** Makes vertices of stages that were gone through. */
  graph(plan: Plan, stages: ReadonlyMap<number, EvaluatedStage>): ReadonlyMap<number, FinishedStage> {
    const { files, surroundings, dockerfile } = this.build;
    const { options } = surroundings;
    const finished = new Map<number, FinishedStage>();
    const paths = contextPaths([...stages.values()].flatMap(({ steps }) => steps));
    const context = files.contextOf(paths, this.#excludes);
    const isAlone = plan.stages.length === 1 && !usesOtherFiles(plan);
    for (const [index, evaluated] of stages) {
      const { stage } = evaluated;
      const platform = this.#platformIn(stage, finished);
      const run: StageRun = {
        options,
        stage,
        platform,
        escapeCharacter: dockerfile.syntax.directives.escape,
        isUncached: isUncached(options.uncached, stage.label),
        names: createStepNames({
          stage,
          label: isAlone ? '' : stage.label,
          platform: this.build.showsPlatform ? platform : undefined,
          escapeCharacter: dockerfile.syntax.directives.escape,
        }),
        origin: (lines) => ({ fileName: files.fileName, text: files.text, lines }),
        context: () => context,
        sourceOf: ({ sources }, at) => this.#sourceOf(sources[at], finished),
      };
      finished.set(index, buildStage(run, evaluated, this.#start(run, finished)));
    }
    return finished;
  }

  #platformIn(stage: PlannedStage, finished: ReadonlyMap<number, FinishedStage>): Platform {
    const inherited = stage.base.kind === 'stage' ? finished.get(stage.base.index) : undefined;
    return stage.platform ?? inherited?.platform ?? this.platform;
  }

  #sourceOf(source: Source | undefined, finished: ReadonlyMap<number, FinishedStage>): FileSource | undefined {
    if (source === undefined) return undefined;
    if (source.kind === 'stage') return finished.get(source.index) ?? {};
    return this.#sources.get(source.name) ?? {};
  }

  #start({ stage, names, platform }: StageRun, finished: ReadonlyMap<number, FinishedStage>): StageStart {
    const replaced = this.#replaced.get(stage.index);
    if (replaced !== undefined) return { edge: replaced.edge, base: replaced.image ?? scratchImage(platform) };
    const before = stage.base.kind === 'stage' ? finished.get(stage.base.index) : undefined;
    if (before !== undefined) return { edge: before.edge, base: before };
    const base = this.#bases.get(stage.index);
    if (base === undefined) return { base: scratchImage(platform) };
    if ('context' in base) return { edge: base.context.edge, base: base.context.image ?? scratchImage(platform) };
    return { edge: base.image.edge(names.base(base.image.reference)), base: base.image.image };
  }
}

/** Whether steps use files of what is no stage, or mounts: BuildKit counts those as stages when it names the others. */
function usesOtherFiles({ stages }: Plan): boolean {
  return stages.some(({ steps }) =>
    steps.some(
      ({ instruction, sources, isTrigger }) =>
        !isTrigger &&
        ((instruction.type === 'RUN' && instruction.mounts.length > 0) ||
          sources.some((source) => source?.kind === 'image')),
    ),
  );
}
