import { type Environment, type EvaluatedStep, expand, type PlannedStage, type RunInstruction } from '#dockerfile';
import { isSamePlatform, type Platform, printPlatform } from '#oci';

/** How the steps of one stage are called in progress: `[build 2/5] RUN make`. */
export interface StepNames {
  /** Of the base image, the first. */
  base(reference: string): string;
  step(step: EvaluatedStep): string;
}

export interface NamedStage {
  readonly stage: PlannedStage;
  /** Empty when it is the only one. */
  readonly label: string;
  /** In front of the label, when images of several platforms are made. */
  readonly platform?: Platform | undefined;
  readonly escapeCharacter: string;
}

/** How many of a stage's steps, its own or those of its base, are counted in progress. */
function countSteps({ steps }: PlannedStage, ofTriggers: boolean): number {
  return steps.filter(
    ({ instruction, isTrigger }) =>
      isTrigger === ofTriggers && ['RUN', 'COPY', 'ADD', 'WORKDIR'].includes(instruction.type),
  ).length;
}

/** The platform that a step says it makes something for, when it is not the one it runs on: `->arm64`. */
function crossTarget(platform: Platform, variables: EvaluatedStep['variables']): string {
  const text = variables.get('TARGETPLATFORM') ?? '';
  const [os = platform.os, architecture = platform.architecture, variant] = text === '' ? [] : text.split('/');
  const target = {
    os: variables.get('TARGETOS') ?? os,
    architecture: variables.get('TARGETARCH') ?? architecture,
    variant: variables.get('TARGETVARIANT') ?? variant ?? '',
  };
  if (target.os !== platform.os) return `->${printPlatform(target)}`;
  if (isSamePlatform({ ...target, variant: '' }, { ...platform, variant: '' })) return '';
  return `->${[target.architecture, target.variant].filter(Boolean).join('/')}`;
}

/** The line of an instruction with its variables put in, its keyword in capitals, and how its here-document begins. */
function lineOf({ instruction, variables, isTrigger }: EvaluatedStep, escapeCharacter: string): string {
  const { node, type } = instruction;
  let text = node.code;
  if (type === 'RUN') {
    const { heredocs, words } = instruction.command;
    const [document] = heredocs;
    // One that is a script itself, and not what some command reads.
    if (document !== undefined && /^\d*<<\S+$/.test(words[0] ?? '')) text += ` (${summaryOf(document.content)})`;
  }
  // Of a RUN it is the shell that will take off quotes, and that knows further variables.
  const shown = type === 'RUN' ? withoutSecrets(instruction, variables) : variables;
  const raw = type === 'RUN' ? { rawQuotes: true, keepUnset: true } : {};
  try {
    text = expand(text, shown, { escape: escapeCharacter, ...raw }).text;
  } catch {
    // As it is written, then.
  }
  const upper = text.replace(/^\S+/, (keyword) => keyword.toUpperCase());
  return isTrigger ? `ONBUILD ${upper}` : upper;
}

/** Variables with those that will hold secrets covered. */
function withoutSecrets({ mounts }: RunInstruction, variables: Environment): Environment {
  const names = new Set(mounts.flatMap(({ env, id, source }) => (env === undefined ? [] : [env || source || id])));
  if (names.size === 0) return variables;
  return { keys: () => variables.keys(), get: (name) => (names.has(name) ? '****' : variables.get(name)) };
}

function summaryOf(document: string): string {
  const [first = '', ...more] = document.trim().split(/\r?\n/);
  return more.length > 0 ? `${first}...` : first;
}

/** Names the steps of a stage, in the order in which they are asked for. */
export function createStepNames({ stage, label, platform, escapeCharacter }: NamedStage): StepNames {
  const fromBase = countSteps(stage, false) + (stage.base.kind === 'image' ? 1 : 0);
  const total = fromBase + countSteps(stage, true);
  let index = 0;
  const prefix = (count: number, shown: string): string =>
    `[${[shown, label]
      .filter(Boolean)
      .map((part) => `${part} `)
      .join('')}${String(index).padStart(String(count).length)}/${count}] `;
  let last = '';
  return {
    base: (reference) => {
      index++;
      last = prefix(fromBase, platform ? printPlatform(platform) : '');
      return `${last}FROM ${reference}`;
    },
    step: (step) => {
      index++;
      const shown = platform ? printPlatform(platform) + crossTarget(platform, step.variables) : '';
      last = prefix(total, shown);
      return last + lineOf(step, escapeCharacter);
    },
  };
}
