import { posix } from 'node:path';
import { fail } from '#std/errors';
import type { Checks } from './check-rules.ts';
import { isSecretName } from './check-sources.ts';
import { isWebSource, notYetThere, requireChecksum, requireMode } from './copy-rules.ts';
import { type Environment, type ExpandOptions, expand } from './expand.ts';
import type { IgnoreMatcher } from './ignore.ts';
import type { ArgInstruction, Instruction, RunInstruction } from './instruction.ts';
import { parseMount } from './mount.ts';
import type { Plan, PlannedStage, Step } from './plan.ts';
import { parseExposed } from './ports.ts';
import { quoteGo } from './quote.ts';
import { type LineRange, onLines } from './source.ts';
import { applyInstruction, type DraftConfig, draftOf, resolveDirectory, type StageConfig } from './stage-config.ts';
import { nearest } from './suggest.ts';
import { itemCharacters, unmatchedBefore, Variables } from './variables.ts';

/** A step with its variables expanded, and what it is run in. */
export interface EvaluatedStep extends Step {
  /** What a RUN finds in its environment: variables of the image and arguments. */
  readonly variables: Environment;
  /** How many of the stage's arguments were declared by then: they are in the step's line of the history. */
  readonly argumentCount: number;
  /** What it is run as and where. */
  readonly settings: Pick<StageConfig, 'user' | 'workingDirectory' | 'shell'>;
}

/** A stage as it is when its instructions have been gone through. */
export interface EvaluatedStage {
  readonly stage: PlannedStage;
  readonly steps: readonly EvaluatedStep[];
  readonly config: StageConfig;
  /** What a stage that is built on this one starts with. */
  readonly variables: Environment;
  /** In the order in which they were declared, those of the base before. */
  readonly argumentNames: readonly string[];
  readonly isDirectorySet: boolean;
  /** How many steps it consists of, those of its base among them. */
  readonly stepCount: number;
}

/** What a stage begins with: another one, or an image's configuration. */
export type StageBase = EvaluatedStage | { readonly config: StageConfig };

export interface EvaluateOptions {
  readonly checks?: Checks;
  /** The patterns of the context's ignore file, for the check of what is copied. */
  readonly ignore?: IgnoreMatcher;
  /** Stages that have been evaluated: those that may be copied from. */
  readonly evaluated: Pick<ReadonlySet<number>, 'has'>;
  /** How many characters the words of all stages may still come to. */
  readonly budget?: { left: number };
}

/** No more than this is looked through for a name that was mistyped. */
const suggestionsMax = 1000;

/** What an entry of the history is counted as in each stage that goes on from it. */
const historyCharacters = 16;

type UsedOnce = 'CMD' | 'ENTRYPOINT' | 'HEALTHCHECK';

class Evaluator {
  readonly steps: EvaluatedStep[] = [];
  readonly config: DraftConfig;
  readonly variables: Variables;
  readonly argumentNames: string[];
  isDirectorySet: boolean;
  readonly #declared: Set<string>;
  readonly #used = new Map<UsedOnce, LineRange>();
  readonly #options: ExpandOptions;

  constructor(
    readonly plan: Plan,
    readonly stage: PlannedStage,
    base: StageBase,
    readonly options: EvaluateOptions,
  ) {
    this.config = draftOf(base.config);
    const inherited = 'variables' in base ? base : undefined;
    this.variables = new Variables();
    for (const name of inherited?.variables.keys() ?? [])
      this.variables.set(name, inherited?.variables.get(name) ?? '');
    for (const [name, value] of this.config.environment) this.variables.set(name, value);
    this.#spendStart(inherited);
    this.argumentNames = [...(inherited?.argumentNames ?? [])];
    this.#declared = new Set(this.argumentNames);
    this.isDirectorySet = inherited?.isDirectorySet === true;
    this.#options = { escape: plan.dockerfile.syntax.directives.escape };
  }

  run(step: Step): void {
    const { lines } = step.instruction.node;
    onLines(lines, () => {
      const instruction = this.#expanded(step.instruction);
      this.#check(step, instruction);
      const { user, workingDirectory, shell } = this.config;
      const settings = { user, workingDirectory, ...(shell && { shell }) };
      const argumentCount = this.argumentNames.length;
      this.steps.push({ ...step, instruction, variables: this.variables.snapshot(), argumentCount, settings });
      if (instruction.type === 'ENV') for (const { key, value } of instruction.pairs) this.variables.set(key, value);
      applyInstruction(this.config, instruction, this.#used.has('CMD'));
    });
  }

  #expand(instruction: Instruction, word: string, options: ExpandOptions = this.#options): string {
    try {
      const found = expand(word, this.variables, options);
      this.#reportUndefined(instruction, found.unmatched);
      this.#spend(found.text.length);
      return found.text;
    } catch (error) {
      this.#reportUndefined(instruction, unmatchedBefore(word, this.variables, options));
      throw error;
    }
  }

  #spend(characters: number): void {
    const { budget } = this.options;
    if (budget === undefined) return;
    budget.left -= characters;
    if (budget.left < 0) throw fail('invalid-argument', 'the Dockerfile is too large when its variables are expanded');
  }

  /** Each stage has lists of its own of what it begins with: a long file of short stages is not to be the square of its length. */
  #spendStart(inherited: EvaluatedStage | undefined): void {
    const { labels, exposedPorts, volumes } = this.config;
    const items = labels.size + exposedPorts.size + volumes.size + (inherited?.argumentNames.length ?? 0);
    this.#spend(this.variables.characters + items * itemCharacters + (inherited?.stepCount ?? 0) * historyCharacters);
  }

  #reportUndefined({ node }: Instruction, unmatched: ReadonlySet<string>): void {
    const { checks } = this.options;
    if (checks === undefined) return;
    for (const name of unmatched) {
      if (this.#declared.has(name)) continue;
      const meant = nearest(name, Iterator.from(this.variables.keys()).take(suggestionsMax), true);
      checks.report('UndefinedVar', node.lines, name, ...(meant === undefined ? [] : [meant]));
    }
  }

  /** The instruction with the variables expanded that BuildKit expands in it. */
  #expanded(instruction: Instruction): Instruction {
    const all = (words: readonly string[]): string[] => words.map((word) => this.#expand(instruction, word));
    const one = (word: string): string => this.#expand(instruction, word);
    switch (instruction.type) {
      case 'ENV':
      case 'LABEL':
        return {
          ...instruction,
          pairs: instruction.pairs.map((pair) => ({ ...pair, key: one(pair.key), value: one(pair.value) })),
        };
      case 'USER':
      case 'WORKDIR':
      case 'STOPSIGNAL':
        return { ...instruction, value: one(instruction.value) };
      case 'VOLUME':
        return { ...instruction, values: all(instruction.values) };
      case 'EXPOSE':
        return { ...instruction, ...this.#ports(instruction.values, instruction.node.lines) };
      case 'COPY':
      case 'ADD': {
        const chown = one(instruction.chown);
        const chmod = one(instruction.chmod);
        const checksum = instruction.type === 'ADD' ? { checksum: one(instruction.checksum) } : {};
        const destination = one(instruction.destination);
        const sources = all(instruction.sources);
        const raw: ExpandOptions = { escape: '\\', ignoreQuotes: true };
        const files = instruction.files.map((file) => ({
          ...file,
          content: file.expands ? this.#expand(instruction, file.content, raw) : file.content,
        }));
        return { ...instruction, chown, chmod, ...checksum, destination, sources, files };
      }
      case 'RUN':
        // It has a list of its own of all variables.
        this.#spend(this.variables.characters);
        return { ...instruction, mounts: instruction.mountTexts.map((text) => parseMount(text, one)) };
      case 'ARG':
        return this.#arguments(instruction);
      default:
        return instruction;
    }
  }

  #arguments(instruction: ArgInstruction): ArgInstruction {
    const { buildArguments, globalArguments } = this.plan;
    const list = instruction.arguments.map((argument) => {
      const { key } = argument;
      if (isSecretName(key)) this.options.checks?.report('SecretsUsedInArgOrEnv', instruction.node.lines, 'ARG', key);
      const given = buildArguments.get(key);
      let value = given ?? globalArguments.get(key);
      if (given === undefined && argument.value !== undefined) value = this.#expand(instruction, argument.value);
      if (value !== undefined) this.variables.set(key, value);
      this.argumentNames.push(key);
      this.#declared.add(key);
      const written = given === undefined && argument.value !== undefined ? value : argument.value;
      return { ...argument, ...(value !== undefined && { value }), ...(written !== undefined && { written }) };
    });
    return { ...instruction, arguments: list };
  }

  #ports(words: readonly string[], lines: LineRange): { values: string[]; written: string[] } {
    const written = words.flatMap((word) => expand(word, this.variables, { ...this.#options, splits: true }).words);
    const values = written.flatMap((port) => {
      const exposed = parseExposed(port, (oddity) => {
        const rule = oddity === 'names-host' ? 'ExposeInvalidFormat' : 'ExposeProtoCasing';
        this.options.checks?.report(rule, lines, port);
      });
      this.#spend(exposed.length * itemCharacters);
      return exposed;
    });
    return { values, written };
  }

  #check(step: Step, instruction: Instruction): void {
    const { checks } = this.options;
    const { lines, keyword } = instruction.node;
    switch (instruction.type) {
      case 'ENV':
      case 'LABEL':
        for (const { key, isLegacy } of instruction.pairs) {
          if (isLegacy) checks?.report('LegacyKeyValueFormat', lines, keyword);
          if (instruction.type === 'ENV' && isSecretName(key))
            checks?.report('SecretsUsedInArgOrEnv', lines, 'ENV', key);
        }
        break;
      case 'WORKDIR':
        if (!this.isDirectorySet && !instruction.value.startsWith('/')) {
          checks?.report('WorkdirRelativePath', lines, instruction.value);
        }
        this.isDirectorySet = true;
        break;
      case 'CMD':
      case 'ENTRYPOINT':
      case 'HEALTHCHECK':
        this.#checkUsedOnce(instruction.type, instruction);
        if (instruction.type !== 'HEALTHCHECK' && instruction.command.isShell && this.config.shell === undefined) {
          checks?.report('JSONArgsRecommended', lines, keyword);
        }
        break;
      case 'COPY':
      case 'ADD':
        this.#checkTransfer(step, instruction);
        break;
      case 'RUN':
        this.#checkRun(step, instruction);
        break;
      default:
    }
  }

  #checkUsedOnce(type: UsedOnce, { node }: Instruction): void {
    const before = this.#used.get(type);
    // The one before is what is of no use.
    if (before !== undefined) this.options.checks?.report('MultipleInstructionsDisallowed', before, node.keyword);
    this.#used.set(type, node.lines);
  }

  #checkTransfer({ sources: [from] }: Step, instruction: Extract<Instruction, { type: 'COPY' | 'ADD' }>): void {
    if (instruction.type === 'COPY' && from?.kind === 'stage' && !this.options.evaluated.has(from.index)) {
      throw notYetThere(instruction, this.plan.stages.length === 1 ? '' : this.stage.label);
    }
    requireMode(instruction.chmod);
    if (instruction.type === 'ADD') requireChecksum(instruction);
    const { ignore, checks } = this.options;
    if (ignore === undefined || from !== undefined) return;
    for (const source of instruction.sources) {
      if (instruction.type === 'ADD' && isWebSource(source)) continue;
      if (!ignore.matches(source)) continue;
      checks?.report('CopyIgnoredFile', instruction.node.lines, instruction.type === 'ADD' ? 'Add' : 'Copy', source);
    }
  }

  #checkRun({ sources }: Step, { mounts }: RunInstruction): void {
    for (const [index, { type, target, from }] of mounts.entries()) {
      const source = sources[index];
      if (source?.kind === 'stage' && !this.options.evaluated.has(source.index)) {
        const why = 'stage needs to be defined before current command';
        throw fail('invalid-argument', `cannot mount from stage ${quoteGo(from)} to ${quoteGo(target)}, ${why}`);
      }
      if (type === 'secret' || type === 'ssh') continue;
      // An empty target is the root, not the directory of the step.
      const path = target === '' ? '/' : resolveDirectory(this.config.workingDirectory, posix.normalize(target));
      if (path === '/') throw fail('invalid-argument', `invalid mount target ${quoteGo(path)}`);
    }
  }
}

/**
 * Goes through the instructions of a stage: puts in variables as far as BuildKit does, keeps the environment and the image's
 * configuration, and tells checks what is odd. Throws `DockerfileError` in BuildKit's words.
 */
export function evaluateStage(
  plan: Plan,
  stage: PlannedStage,
  base: StageBase,
  options: EvaluateOptions,
): EvaluatedStage {
  const evaluator = new Evaluator(plan, stage, base, options);
  for (const step of stage.steps) evaluator.run(step);
  const { steps, config, variables, argumentNames, isDirectorySet } = evaluator;
  const stepCount = steps.length + ('variables' in base ? base.stepCount : 0);
  return { stage, steps, config, variables, argumentNames, isDirectorySet, stepCount };
}
