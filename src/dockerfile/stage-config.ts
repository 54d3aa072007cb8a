import { posix } from 'node:path';
import { fail } from '#std/errors';
import type { HealthcheckInstruction, Instruction } from './instruction.ts';

/** What a stage's image says of how to run it, as instructions change it. */
export interface StageConfig {
  /** In the order in which variables were first set. */
  readonly environment: ReadonlyMap<string, string>;
  readonly workingDirectory: string;
  readonly user: string;
  /** What runs commands that are one line; undefined for the default. */
  readonly shell?: readonly string[];
  readonly command?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly exposedPorts: ReadonlySet<string>;
  readonly volumes: ReadonlySet<string>;
  readonly labels: ReadonlyMap<string, string>;
  readonly stopSignal?: string;
  readonly healthcheck?: Pick<
    HealthcheckInstruction,
    'test' | 'interval' | 'timeout' | 'startPeriod' | 'startInterval' | 'retries'
  >;
  /** ONBUILD instructions for images that are built on this one. */
  readonly triggers: readonly string[];
  readonly author?: string;
}

/** Where commands are looked for when a base says nothing of it. */
export const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

const defaultShell = ['/bin/sh', '-c'];

/** The configuration of an empty image. */
export const emptyConfig: StageConfig = {
  environment: new Map(),
  workingDirectory: '/',
  user: '',
  exposedPorts: new Set(),
  volumes: new Set(),
  labels: new Map(),
  triggers: [],
};

/** The words that run a command: those it says, or the shell's and the line. */
export function commandWords(
  { shell }: Pick<StageConfig, 'shell'>,
  words: readonly string[],
  isShell: boolean,
): string[] {
  return isShell ? [...(shell ?? defaultShell), words.join(' ')] : [...words];
}

/** A path as WORKDIR takes it: relative ones go on from where the stage is. */
export function resolveDirectory(current: string, path: string): string {
  const joined = posix.join('/', path.startsWith('/') ? '' : current, path);
  return joined.length > 1 && joined.endsWith('/') ? joined.slice(0, -1) : joined;
}

const names =
  'ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV STKFLT STOP SYS TERM TRAP TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ RTMIN RTMAX'.split(
    ' ',
  );
const signals = new Set([
  ...names,
  ...Array.from({ length: 15 }, (_, index) => `RTMIN+${index + 1}`),
  ...Array.from({ length: 14 }, (_, index) => `RTMAX-${index + 1}`),
]);

function requireSignal(text: string): void {
  const isNumber = /^[+-]?\d+$/.test(text) && Number(text) !== 0;
  const isName = signals.has(text.toUpperCase().replace(/^SIG/, ''));
  if (!isNumber && !isName) throw fail('invalid-argument', `invalid signal: ${text}`);
}

/** A configuration that is being made. */
export type DraftConfig = {
  -readonly [K in keyof StageConfig]: StageConfig[K] extends ReadonlyMap<string, string>
    ? Map<string, string>
    : StageConfig[K] extends ReadonlySet<string>
      ? Set<string>
      : K extends 'triggers'
        ? string[]
        : StageConfig[K];
};

/** What a stage starts with. Triggers of the base are taken by then; commands are looked for somewhere in any case. */
export function draftOf(base: StageConfig): DraftConfig {
  const environment = new Map(base.environment);
  if (!environment.has('PATH')) environment.set('PATH', defaultPath);
  return {
    ...base,
    environment,
    labels: new Map(base.labels),
    exposedPorts: new Set(base.exposedPorts),
    volumes: new Set(base.volumes),
    triggers: [],
  };
}

/** Has an instruction change a configuration. Its variables are expanded, its ports in the form `80/tcp`. */
export function applyInstruction(config: DraftConfig, instruction: Instruction, isCommandSet: boolean): void {
  switch (instruction.type) {
    case 'ENV':
      for (const { key, value } of instruction.pairs) config.environment.set(key, value);
      break;
    case 'LABEL':
      for (const { key, value } of instruction.pairs) config.labels.set(key, value);
      break;
    case 'WORKDIR':
      config.workingDirectory = resolveDirectory(config.workingDirectory, instruction.value);
      break;
    case 'USER':
      config.user = instruction.value;
      break;
    case 'MAINTAINER':
      config.author = instruction.value;
      break;
    case 'STOPSIGNAL':
      requireSignal(instruction.value);
      config.stopSignal = instruction.value;
      break;
    case 'SHELL':
      config.shell = instruction.values;
      break;
    case 'VOLUME':
      if (instruction.values.includes(''))
        throw fail('invalid-argument', 'VOLUME specified can not be an empty string');
      for (const path of instruction.values) config.volumes.add(path);
      break;
    case 'EXPOSE':
      for (const port of instruction.values) config.exposedPorts.add(port);
      break;
    case 'ONBUILD':
      config.triggers.push(instruction.trigger);
      break;
    case 'HEALTHCHECK': {
      const { test, interval, timeout, startPeriod, startInterval, retries } = instruction;
      config.healthcheck = { test, interval, timeout, startPeriod, startInterval, retries };
      break;
    }
    case 'CMD':
    case 'ENTRYPOINT': {
      const words = commandWords(config, instruction.command.words, instruction.command.isShell);
      config[instruction.type === 'CMD' ? 'command' : 'entrypoint'] = words;
      // A base's CMD was made for its ENTRYPOINT.
      if (instruction.type === 'ENTRYPOINT' && !isCommandSet) delete config.command;
      break;
    }
    default:
  }
}
