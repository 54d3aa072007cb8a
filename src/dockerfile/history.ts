import { formatDuration } from '#std/duration';
import type { EvaluatedStage, EvaluatedStep } from './evaluate.ts';
import type { Argument, HealthcheckInstruction, Instruction } from './instruction.ts';
import { quoteGo } from './quote.ts';
import { runCommandOf } from './run-command.ts';
import { commandWords, resolveDirectory } from './stage-config.ts';

/** A step's entry in the history of an image. */
export interface HistoryLine {
  readonly createdBy: string;
  readonly isEmptyLayer: boolean;
}

/** A number as Go writes it when it takes it for a character. */
function quoteCharacter(code: number): string {
  const text = quoteGo(String.fromCodePoint(code <= 0x10ffff ? code : 0xfffd)).slice(1, -1);
  return `'${text === "'" ? "\\'" : text === '\\"' ? '"' : text}'`;
}

function printHealthcheck({
  test,
  interval,
  timeout,
  startPeriod,
  startInterval,
  retries,
}: HealthcheckInstruction): string {
  const spans = [interval, timeout, startPeriod, startInterval].map((ns) => quoteGo(formatDuration(ns)));
  return `&{[${test.map(quoteGo).join(' ')}] ${spans.join(' ')} ${quoteCharacter(retries)}}`;
}

const printArgument = ({ key, value }: Argument): string => (value === undefined ? key : `${key}=${value}`);

/** The arguments that a RUN could see, in front of its words: `|1 NAME=value`. */
function printArguments({ argumentNames }: EvaluatedStage, { argumentCount, variables }: EvaluatedStep): string[] {
  const names = [...new Set(argumentNames.slice(0, argumentCount))];
  return names.length === 0 ? [] : [`|${names.length}`, ...names.map((name) => `${name}=${variables.get(name) ?? ''}`)];
}

function printTransfer(instruction: Extract<Instruction, { type: 'COPY' | 'ADD' }>): string {
  const { type, chown, chmod, sources, files, destination } = instruction;
  const flags = [
    ...(type === 'COPY' && instruction.parents ? ['--parents'] : []),
    ...(chown === '' ? [] : [`--chown=${chown}`]),
    ...(chmod === '' ? [] : [`--chmod=${chmod}`]),
  ];
  return [type, ...flags, ...sources, ...files.map(({ name }) => `<<${name}`), destination, '# buildkit'].join(' ');
}

/** What BuildKit writes into an image's history for a step; undefined for one that it does not mention. */
export function historyOf(stage: EvaluatedStage, step: EvaluatedStep): HistoryLine | undefined {
  const { instruction, settings } = step;
  const empty = (rest: string): HistoryLine => ({ createdBy: `${instruction.type} ${rest}`, isEmptyLayer: true });
  switch (instruction.type) {
    case 'ARG':
      return empty(instruction.arguments.map(printArgument).join(' '));
    case 'ENV':
    case 'LABEL':
      return empty(instruction.pairs.map(({ key, value }) => `${key}=${value}`).join(' '));
    case 'RUN': {
      const { words } = runCommandOf(instruction, settings);
      const createdBy = ['RUN', ...printArguments(stage, step), ...words, '# buildkit'].join(' ');
      return { createdBy, isEmptyLayer: false };
    }
    case 'COPY':
    case 'ADD':
      return { createdBy: printTransfer(instruction), isEmptyLayer: false };
    case 'WORKDIR': {
      const path = resolveDirectory(settings.workingDirectory, instruction.value);
      return { createdBy: `WORKDIR ${path}`, isEmptyLayer: path === '/' };
    }
    case 'EXPOSE':
    case 'VOLUME':
    case 'SHELL':
      return empty(`[${instruction.values.join(' ')}]`);
    case 'CMD':
    case 'ENTRYPOINT': {
      const { words, isShell } = instruction.command;
      return empty(`[${commandWords(settings, words, isShell).map(quoteGo).join(' ')}]`);
    }
    case 'HEALTHCHECK':
      return empty(printHealthcheck(instruction));
    case 'ONBUILD':
      return undefined;
    default:
      return empty(instruction.value);
  }
}
