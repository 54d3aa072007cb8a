import { EstibaError, fail } from '#std/errors';
import { type Checks, createChecks, type Warning } from './check-rules.ts';
import { checkFile, checkNode } from './check-sources.ts';
import { parseCheckOptions, readDirectives } from './directives.ts';
import { type EvaluatedStage, evaluateStage, type StageBase } from './evaluate.ts';
import type { IgnoreMatcher } from './ignore.ts';
import { type Dockerfile, parseDockerfile } from './parse.ts';
import { type Plan, type PlannedStage, type PlanOptions, planBuild } from './plan.ts';
import { DockerfileError } from './source.ts';
import { emptyConfig, type StageConfig } from './stage-config.ts';

/** A Dockerfile that has been gone through to the end. */
export interface CheckedDockerfile {
  readonly dockerfile: Dockerfile;
  readonly plan: Plan;
  readonly stages: ReadonlyMap<number, EvaluatedStage>;
}

export interface CheckOptionsOfBuild extends Omit<PlanOptions, 'checks'> {
  readonly ignore?: IgnoreMatcher;
  /** Options of the checks that are given with the build and count instead of those in the file. */
  readonly check?: string;
  /** The configuration of the image that a stage is built on. */
  readonly baseOf?: (stage: PlannedStage) => StageConfig;
}

export interface CheckResult {
  readonly warnings: readonly Warning[];
  /** What keeps it from being built. */
  readonly error?: DockerfileError;
  readonly checked?: CheckedDockerfile;
}

/** Parses a Dockerfile and tells checks what stands in it, in BuildKit's order. */
export function parseChecked(source: string, checks: Checks): Dockerfile {
  const dockerfile = parseDockerfile(source, {
    onNode: (node) => checkNode(node, checks),
    onEmptyContinuation: (lines) => checks.report('NoEmptyContinuation', lines),
  });
  checkFile(dockerfile, checks);
  return dockerfile;
}

/** Where the checks of a Dockerfile are reported: as `text` has it, or else the file. Throws when it is empty, too. */
export function checksOf(source: string, text?: string): Checks {
  if (source === '') throw new DockerfileError('the Dockerfile cannot be empty');
  return createChecks(parseCheckOptions(text ?? checkDirective(source)));
}

/** What the words of a Dockerfile may come to, in characters, when their variables are expanded. */
export const expandedMax = 64 << 20;

/** Evaluates the stages that the target needs, in order; all of them when no target is named. */
export function evaluatePlan(
  plan: Plan,
  all: boolean,
  options: CheckOptionsOfBuild,
  checks?: Checks,
): Map<number, EvaluatedStage> {
  const stages = new Map<number, EvaluatedStage>();
  const needed = new Set(plan.needed);
  const budget = { left: expandedMax };
  for (const stage of plan.stages) {
    if (!all && !needed.has(stage.index)) continue;
    const { base } = stage;
    const inherited: StageBase | undefined = base.kind === 'stage' ? stages.get(base.index) : undefined;
    const config = base.kind === 'scratch' ? emptyConfig : (options.baseOf?.(stage) ?? emptyConfig);
    const evaluated = evaluateStage(plan, stage, inherited ?? { config }, {
      evaluated: stages,
      budget,
      ...(checks && { checks }),
      ...(options.ignore && { ignore: options.ignore }),
    });
    stages.set(stage.index, evaluated);
  }
  return stages;
}

/**
 * Checks a Dockerfile without building it, as `docker build --check` does: what is odd in it, and what keeps it from being
 * built. With no target all stages are looked at.
 */
export function checkDockerfile(source: string, options: CheckOptionsOfBuild): CheckResult {
  let checks = createChecks(parseCheckOptions());
  try {
    checks = checksOf(source, options.check);
    const dockerfile = parseChecked(source, checks);
    const plan = planBuild(dockerfile, { ...options, checks });
    const stages = evaluatePlan(plan, options.target === undefined, options, checks);
    const failure = checks.failure();
    if (failure !== undefined) throw fail('invalid-argument', failure);
    return { warnings: checks.warnings, checked: { dockerfile, plan, stages } };
  } catch (error) {
    if (!(error instanceof EstibaError)) throw error;
    const known = error instanceof DockerfileError ? error : new DockerfileError(error.message);
    return { warnings: checks.warnings, error: known };
  }
}

function checkDirective(source: string): string | undefined {
  try {
    return readDirectives(source.replace(/^\ufeff/, '').split('\n', 8)).check;
  } catch {
    // The parser says what is wrong with them.
    return undefined;
  }
}
