import type { Platform } from '#oci';
import { fail } from '#std/errors';
import { isReference, parseStagePlatform, requireReference } from './base-names.ts';
import type { Checks } from './check-rules.ts';
import { checkGlobalNames } from './check-sources.ts';
import { requireNoCircle } from './circle.ts';
import { type Environment, expand } from './expand.ts';
import type { Instruction, Stage } from './instruction.ts';
import type { Dockerfile } from './parse.ts';
import { parseTrigger } from './parse.ts';
import { platformArguments } from './platform-arguments.ts';
import { quoteGo } from './quote.ts';
import { DockerfileError, type LineRange, onLines } from './source.ts';
import { didYouMean } from './suggest.ts';

/** What files of a step come from. */
export type Source =
  | { readonly kind: 'stage'; readonly index: number }
  /** A context that was given a name, or an image when there is none of that name. */
  | { readonly kind: 'image'; readonly name: string };

/** One instruction in the order in which it takes effect. */
export interface Step {
  readonly instruction: Instruction;
  /** Of COPY the one `--from`, of RUN those of its mounts, undefined where one has none. */
  readonly sources: readonly (Source | undefined)[];
  /** Whether it was an ONBUILD of the base. */
  readonly isTrigger: boolean;
}

export interface PlannedStage {
  readonly index: number;
  readonly stage: Stage;
  /** As it is called in progress and errors: `stage-0` when it has no name. */
  readonly label: string;
  readonly base: { readonly kind: 'scratch' } | Source;
  readonly platform?: Platform;
  readonly steps: readonly Step[];
  /** The other stages that must be there first, in ascending order. */
  readonly needs: readonly number[];
}

/** What is to be done for a build: the stages, and which of them lead to the target. */
export interface Plan {
  readonly dockerfile: Dockerfile;
  readonly stages: readonly PlannedStage[];
  readonly target: number;
  /** Stages that the target needs, itself among them, in the order in which they can be evaluated. */
  readonly needed: readonly number[];
  readonly unused: readonly number[];
  /** ARGs in front of the first FROM and platform arguments. */
  readonly globalArguments: Environment;
  readonly buildArguments: Environment;
  readonly platform: Platform;
}

export interface PlanOptions {
  /** The name of a stage; the last one when there is none. */
  readonly target?: string;
  readonly buildArguments?: Environment;
  readonly platform: Platform;
  readonly buildPlatform: Platform;
  /** ONBUILD triggers of base images, by stage, when they are known: they may need further stages. */
  readonly triggers?: ReadonlyMap<number, readonly string[]>;
  readonly checks?: Checks;
}

/** All stages of one Dockerfile together take no more ONBUILD instructions than this from their bases. */
const triggersMax = 10_000;

const wrong = (message: string): Error => fail('invalid-argument', message);

function globalArgumentsOf(
  dockerfile: Dockerfile,
  start: ReadonlyMap<string, string>,
  given: Environment,
): Map<string, string> {
  const environment = new Map(start);
  for (const { arguments: list, node } of dockerfile.globalArguments) {
    for (const { key, value } of list) {
      const known = given.get(key);
      if (known !== undefined) environment.set(key, known);
      else if (value !== undefined) {
        const options = { escape: dockerfile.syntax.directives.escape };
        environment.set(key, onLines(node.lines, () => expand(value, environment, options)).text);
      }
    }
  }
  return environment;
}

/** A stage under way. */
interface Draft {
  readonly index: number;
  readonly stage: Stage;
  readonly label: string;
  readonly base: PlannedStage['base'];
  readonly platform: Platform | undefined;
  steps: Step[];
  /** By the index of another stage: the lines that need it first. */
  readonly copies: Map<number, LineRange>;
}

class Planner {
  readonly drafts: Draft[] = [];
  readonly globals: Environment;
  readonly #byName = new Map<string, number>();
  readonly #given: Environment;
  readonly #escape: string;
  /** Names that a FROM may use. */
  readonly #declared: ReadonlySet<string>;

  constructor(
    readonly dockerfile: Dockerfile,
    readonly options: PlanOptions,
  ) {
    this.#given = options.buildArguments ?? new Map();
    this.#escape = dockerfile.syntax.directives.escape;
    const target = options.target ?? dockerfile.stages.at(-1)?.name ?? '';
    const platforms = platformArguments(options.buildPlatform, options.platform, target);
    for (const name of platforms.keys()) platforms.set(name, this.#given.get(name) ?? platforms.get(name) ?? '');
    this.#checkDefaults(platforms);
    this.globals = globalArgumentsOf(dockerfile, platforms, this.#given);
    const own = dockerfile.globalArguments.flatMap((one) => one.arguments.map(({ key }) => key));
    this.#declared = new Set([...own, ...this.globals.keys()]);
  }

  /** Whether base names are good when no arguments are given. */
  #checkDefaults(platforms: ReadonlyMap<string, string>): void {
    const { checks } = this.options;
    if (checks === undefined) return;
    try {
      const defaults = globalArgumentsOf(this.dockerfile, platforms, new Map());
      for (const { base, node } of this.dockerfile.stages) {
        const { text } = expand(base, defaults, { escape: this.#escape });
        if (!isReference(text)) checks.report('InvalidDefaultArgInFrom', node.lines, base);
      }
    } catch {
      // What is wrong with the arguments is said when they are used.
    }
  }

  addStages(): void {
    for (const [index, stage] of this.dockerfile.stages.entries())
      onLines(stage.node.lines, () => this.#addStage(index, stage));
  }

  #addStage(index: number, stage: Stage): void {
    const { checks } = this.options;
    const { lines } = stage.node;
    const base = expand(stage.base, this.globals, { escape: this.#escape });
    if (checks !== undefined) checkGlobalNames(base.unmatched, this.#declared, lines, checks);
    if (base.text === '') throw wrong(`base name (${stage.base}) should not be blank`);
    const platform = stage.platform === '' ? undefined : this.#platformOf(stage);
    const earlier = this.#byName.get(base.text);
    this.drafts.push({
      index,
      stage,
      label: stage.name === '' ? `stage-${index}` : stage.name,
      base: earlier !== undefined ? { kind: 'stage', index: earlier } : baseOf(base.text),
      platform,
      steps: [],
      copies: new Map(),
    });
    if (stage.name !== '') this.#byName.set(stage.name, index);
  }

  #platformOf(stage: Stage): Platform {
    const { checks } = this.options;
    const { lines } = stage.node;
    const found = expand(stage.platform, this.globals, { escape: this.#escape });
    if (checks !== undefined) {
      checkGlobalNames(found.unmatched, this.#declared, lines, checks);
      const isTarget = found.matched.size === 1 && found.unmatched.size === 0 && found.matched.has('TARGETPLATFORM');
      if (isTarget && found.text === this.globals.get('TARGETPLATFORM')) {
        checks.report('RedundantTargetPlatform', lines, stage.platform);
      }
    }
    const hint =
      [...found.unmatched].map((name) => didYouMean(name, this.globals.keys(), true)).find((one) => one !== '') ?? '';
    if (found.text === '') throw wrong(`empty platform value from expression ${stage.platform}${hint}`);
    const platform = parseStagePlatform(found.text, stage.platform, hint);
    const isConstant = found.matched.size === 0 && found.unmatched.size === 0;
    const isNamed = stage.name.includes(platform.os) || stage.name.includes(platform.architecture);
    if (isConstant && !isNamed) checks?.report('FromPlatformFlagConstDisallowed', lines, found.text);
    return platform;
  }

  #sourceOf(name: string): Source {
    const index = this.#byName.get(name.toLowerCase());
    return index === undefined ? { kind: 'image', name } : { kind: 'stage', index };
  }

  #copySource(from: string): Source | undefined {
    if (from === '') return undefined;
    if (expand(from, new Map(), { escape: this.#escape }).text !== from) {
      const why = 'define a new stage with FROM using ARG from global scope as a workaround';
      throw new DockerfileError(`variable expansion is not supported for --from, ${why}`);
    }
    if (!/^[+-]?\d+$/.test(from)) return this.#sourceOf(from);
    const index = Number(from);
    if (index < 0 || index >= this.drafts.length) throw new DockerfileError(`invalid stage index ${index}`);
    return { kind: 'stage', index };
  }

  stepOf(draft: Draft, instruction: Instruction, isTrigger: boolean): Step {
    const sources =
      instruction.type === 'COPY'
        ? [this.#copySource(instruction.from)]
        : instruction.type === 'RUN'
          ? instruction.mounts.map(({ from }) => (from === '' ? undefined : this.#sourceOf(from)))
          : [];
    for (const source of sources) {
      if (source?.kind !== 'stage' || draft.copies.has(source.index)) continue;
      draft.copies.set(source.index, instruction.node.lines);
    }
    return { instruction, sources, isTrigger };
  }

  addSteps(): void {
    for (const draft of this.drafts) {
      draft.steps = draft.stage.instructions.map((instruction) => this.stepOf(draft, instruction, false));
    }
    requireNoCircle(this.drafts);
    let count = 0;
    for (const draft of this.drafts) {
      const { base } = draft;
      const fromStage = base.kind === 'stage' ? onbuildsOf(this.drafts[base.index]) : [];
      const triggers = [...(this.options.triggers?.get(draft.index) ?? []), ...fromStage];
      count += triggers.length;
      if (count > triggersMax) throw new DockerfileError('too many ONBUILD triggers', [draft.stage.node.lines]);
      const steps = triggers.map((text) => this.stepOf(draft, parseTrigger(text, draft.stage.node), true));
      draft.steps.unshift(...steps);
    }
    if (
      (this.options.triggers?.size ?? 0) > 0 ||
      this.drafts.some(({ steps }) => steps.some(({ isTrigger }) => isTrigger))
    ) {
      requireNoCircle(this.drafts);
    }
  }

  targetIndex(): number {
    const { target = '' } = this.options;
    if (target === '') return this.drafts.length - 1;
    const index = this.#byName.get(target.toLowerCase());
    if (index !== undefined) return index;
    const hint = didYouMean(
      target,
      this.drafts.map(({ label }) => label),
      true,
    );
    throw wrong(`target stage ${quoteGo(target)} could not be found${hint}`);
  }
}

function onbuildsOf(draft: Draft | undefined): string[] {
  return (draft?.steps ?? []).flatMap(({ instruction }) =>
    instruction.type === 'ONBUILD' ? [instruction.trigger] : [],
  );
}

function baseOf(name: string): PlannedStage['base'] {
  return name === 'scratch' ? { kind: 'scratch' } : { kind: 'image', name };
}

function needsOf({ base, copies }: Draft): number[] {
  const all = new Set([...(base.kind === 'stage' ? [base.index] : []), ...copies.keys()]);
  return [...all].sort((one, other) => one - other);
}

/**
 * Finds what a build of a Dockerfile consists of: bases with their variables expanded, what each stage needs of others, and
 * which stages the target needs. Throws `DockerfileError` in BuildKit's words.
 */
export function planBuild(dockerfile: Dockerfile, options: PlanOptions): Plan {
  const planner = new Planner(dockerfile, options);
  planner.addStages();
  const target = planner.targetIndex();
  planner.addSteps();
  const stages = planner.drafts.map(({ copies, platform, ...draft }): PlannedStage => {
    const needs = needsOf({ copies, platform, ...draft });
    return { ...draft, needs, ...(platform !== undefined && { platform }) };
  });
  const wanted = new Set([target]);
  for (const index of wanted) for (const need of stages[index]?.needs ?? []) wanted.add(need);
  for (const { base, stage } of stages) {
    if (base.kind === 'image') onLines(stage.node.lines, () => requireReference(base.name));
  }
  return {
    dockerfile,
    stages,
    target,
    needed: [...wanted].sort((one, other) => one - other),
    unused: stages.map(({ index }) => index).filter((index) => !wanted.has(index)),
    globalArguments: planner.globals,
    buildArguments: options.buildArguments ?? new Map(),
    platform: options.platform,
  };
}
