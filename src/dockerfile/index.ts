export {
  type CheckedDockerfile,
  type CheckOptionsOfBuild,
  type CheckResult,
  checkDockerfile,
  checksOf,
  evaluatePlan,
  expandedMax,
  parseChecked,
} from './check.ts';
export { type Checks, createChecks, type RuleName, type Warning } from './check-rules.ts';
export { isGitSource, isWebSource } from './copy-rules.ts';
export { type CheckOptions, type Directives, parseCheckOptions, requireBuiltInSyntax } from './directives.ts';
export { type EvaluatedStage, type EvaluatedStep, evaluateStage, type StageBase } from './evaluate.ts';
export { type Environment, type Expansion, expand } from './expand.ts';
export { type Heredoc, heredocText } from './heredoc.ts';
export { type HistoryLine, historyOf } from './history.ts';
export {
  createIgnoreMatcher,
  type IgnoreMatcher,
  ignoreFilesOf,
  nameMatcher,
  readIgnoreFile,
  type Walked,
} from './ignore.ts';
export type * from './instruction.ts';
export type { MountOptions } from './mount.ts';
export { type Dockerfile, parseDockerfile } from './parse.ts';
export { type Plan, type PlannedStage, type PlanOptions, planBuild, type Source, type Step } from './plan.ts';
export { proxyArguments } from './platform-arguments.ts';
export { type RunCommand, runCommandOf } from './run-command.ts';
export { DockerfileError, excerpt, type LineRange, onLines, type Position, type Range } from './source.ts';
export {
  applyInstruction,
  commandWords,
  type DraftConfig,
  draftOf,
  emptyConfig,
  resolveDirectory,
  type StageConfig,
} from './stage-config.ts';
export type { Node } from './syntax.ts';
