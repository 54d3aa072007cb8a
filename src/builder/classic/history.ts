import { posix } from 'node:path';
import {
  commandWords,
  type EvaluatedStage,
  type EvaluatedStep,
  type Instruction,
  resolveDirectory,
  runCommandOf,
} from '#dockerfile';
import { formatDuration } from '#std/duration';

const quotedWords = (words: readonly string[]): string => `[${words.map((word) => JSON.stringify(word)).join(' ')}]`;

/** Arguments that a RUN could see and that have a value: `|1 NAME=value`. */
function argumentsOf({ argumentNames }: EvaluatedStage, { argumentCount, variables }: EvaluatedStep): string[] {
  const names = [...new Set(argumentNames.slice(0, argumentCount))].filter((name) => variables.get(name) !== undefined);
  return names.length === 0
    ? []
    : [`|${names.length}`, ...names.sort().map((name) => `${name}=${variables.get(name)}`)];
}

/** The words of a command alone: of those that `classicWords` gives. */
export function withoutArguments(words: readonly string[]): readonly string[] {
  const [, count] = /^\|(\d+)$/.exec(words[0] ?? '') ?? [];
  return count === undefined ? words : words.slice(1 + Number(count));
}

function settingText(instruction: Instruction, node: EvaluatedStep): string {
  const { type } = instruction;
  switch (type) {
    case 'ENV':
    case 'LABEL':
      return `${type} ${instruction.pairs.map(({ key, value }) => `${key}=${value}`).join(' ')}`;
    case 'ARG':
      return `ARG ${instruction.arguments.map(({ key, written }) => (written === undefined ? key : `${key}=${written}`)).join(' ')}`;
    case 'CMD':
    case 'ENTRYPOINT': {
      const { words, isShell } = instruction.command;
      return `${type} ${quotedWords(commandWords(node.settings, words, isShell))}`;
    }
    case 'HEALTHCHECK': {
      const { test, interval, timeout, startPeriod, startInterval, retries } = instruction;
      const spans = [interval, timeout, startPeriod, startInterval].map((ns) => formatDuration(ns)).join(' ');
      return `HEALTHCHECK &{[${test.join(' ')}] ${spans} ${retries}}`;
    }
    case 'EXPOSE':
      return `EXPOSE ${(instruction.written ?? instruction.values).join(' ')}`;
    case 'VOLUME':
    case 'SHELL':
      return `${type} [${instruction.values.join(' ')}]`;
    case 'ONBUILD':
      return `ONBUILD ${instruction.trigger}`;
    case 'USER':
    case 'STOPSIGNAL':
    case 'MAINTAINER':
      return `${type} ${instruction.value}`;
    default:
      return type;
  }
}

/** The words that the classic builder says a step ran; `content` names the files that a COPY takes. */
export function classicWords(stage: EvaluatedStage, step: EvaluatedStep, content: string): readonly string[] {
  const { instruction, settings } = step;
  const nothing = (text: string): string[] => [...commandWords(settings, [`#(nop) ${text}`], true)];
  switch (instruction.type) {
    case 'RUN':
      return [...argumentsOf(stage, step), ...runCommandOf(instruction, settings).words];
    case 'WORKDIR':
      return nothing(`WORKDIR ${resolveDirectory(settings.workingDirectory, instruction.value)}`);
    case 'COPY':
    case 'ADD': {
      const { chown, destination, sources } = instruction;
      const flag = chown === '' ? '' : `--chown=${chown} `;
      const isMany = sources.length > 1;
      const target = destination.startsWith('/')
        ? destination
        : posix.join(settings.workingDirectory || '/', destination);
      return nothing(`${instruction.type} ${flag}${isMany ? 'multi' : 'file'}:${content} in ${target} `);
    }
    case 'SHELL':
      return [...instruction.values, '#(nop) ', settingText(instruction, step)];
    default: {
      const [program = '', ...rest] = commandWords(settings, [''], true).slice(0, -1);
      return [program, ...rest, '#(nop) ', settingText(instruction, step)];
    }
  }
}
