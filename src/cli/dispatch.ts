import type { ResolvedEngine } from './connection/resolve.ts';
import { CommandFailure } from './failure.ts';
import type { Catalogue } from './grammar/catalogue.ts';
import type { Command, Program } from './grammar/command.ts';
import type { Entry } from './grammar/entry.ts';
import type { FlagValues } from './grammar/flag.ts';
import { connectionOptions, globalFlags, logLevels } from './grammar/global-flags.ts';
import { FlagError, parseFlags } from './grammar/parse-flags.ts';
import { usageForms } from './grammar/usage-forms.ts';
import { writeErr, writeOut } from './streams/text-output.ts';

/** What a command is given besides its own words, worked out when they have been understood. */
interface Surroundings {
  readonly version: string;
  readonly catalogue: Catalogue;
  readonly debug: boolean;
  resolve(): Promise<ResolvedEngine>;
}

const usageExitCode = 125;

/** The program that is run: its name, its version, and its commands. */
export interface Identity {
  readonly name: Program;
  readonly version: string;
  readonly catalogue: Catalogue;
}

/** Runs the command that `argv` names; resolves with its exit code. Failures are thrown. */
export async function dispatch(identity: Identity, argv: readonly string[]): Promise<number> {
  const { name: program, version, catalogue } = identity;
  const { values, args, help } = parseGlobal(program, argv);
  if (values.version) {
    writeOut(`${(await import('./commands/version.ts')).versionLine(program, version)}\n`);
    return 0;
  }
  if (!logLevels.includes(values['log-level'])) {
    throw new CommandFailure(`Unable to parse logging level: ${values['log-level']}`);
  }
  const [first, ...rest] = args;
  if (first === undefined) {
    await showHelp((help) => help.programHelp(program, catalogue));
    return 0;
  }
  if (first === 'help') return showHelpOf(identity, rest);
  const surroundings = { version, catalogue, debug: values.debug, resolve: () => resolve(program, values) };
  const words = help ? [...rest, '--help'] : rest;
  const alone = catalogue.entries.find((entry) => entry.flat === first);
  if (alone) return runEntry(program, alone, `${program} ${first}`, words, surroundings);
  if (Object.hasOwn(catalogue.groups, first)) return dispatchGroup(program, first, words, surroundings);
  throw await unknownCommand(program, catalogue, `${program} ${first}`);
}

async function resolve(program: Program, values: FlagValues<typeof globalFlags>): Promise<ResolvedEngine> {
  return (await import('./connection/resolve.ts')).resolveEngine(program, connectionOptions(values));
}

async function showHelp(text: (help: typeof import('./help.ts')) => string, fd: 1 | 2 = 1): Promise<void> {
  const [help, { paintHelp }] = await Promise.all([import('./help.ts'), import('./print/colours.ts')]);
  (fd === 1 ? writeOut : writeErr)(await paintHelp(text(help), fd));
}

/** `help COMMAND` is `COMMAND --help`. */
async function showHelpOf(identity: Identity, words: readonly string[]): Promise<number> {
  const { entries, groups } = identity.catalogue;
  const [first] = words;
  const known =
    first === undefined || Object.hasOwn(groups, first) || entries.some((entry) => entry.flat === first && entry.load);
  if (!known) throw new CommandFailure(`unknown help topic: ${words.join(' ')}`);
  return dispatch(identity, first === undefined ? [] : [...words, '--help']);
}

function flagFailure(error: FlagError, usage: string, path: string): CommandFailure {
  const hint = error.suggestion === undefined ? '' : `\n\nDid you mean ${error.suggestion}?`;
  return new CommandFailure(
    `${error.message}${hint}\n\nUsage:  ${usage}\n\nRun '${path} --help' for more information`,
    usageExitCode,
  );
}

function parseGlobal(program: Program, argv: readonly string[]) {
  try {
    return parseFlags(globalFlags, argv, { interspersed: false, suggests: program !== 'docker' });
  } catch (error) {
    if (!(error instanceof FlagError)) throw error;
    throw flagFailure(error, `${program} [OPTIONS] COMMAND [ARG...]`, program);
  }
}

async function dispatchGroup(
  program: Program,
  group: string,
  argv: readonly string[],
  surroundings: Surroundings,
): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined || name === '--help' || name === '-h') {
    // Docker takes a group alone for a slip, and what it shows then for a complaint.
    await showHelp((help) => help.groupHelp(program, surroundings.catalogue, group), name === undefined ? 2 : 1);
    return 0;
  }
  const path = `${program} ${group}`;
  if (name.startsWith('-')) {
    const shown = name.startsWith('--')
      ? `unknown flag: ${name}`
      : `unknown shorthand flag: '${name.charAt(1)}' in ${name}`;
    throw flagFailure(new FlagError(shown), path, path);
  }
  const { entries } = surroundings.catalogue;
  const entry = entries.find((each) => each.group === group && (each.name === name || each.aliases?.includes(name)));
  if (!entry) throw await unknownCommand(program, surroundings.catalogue, `${path} ${name}`, group);
  return runEntry(program, entry, `${path} ${name}`, rest, surroundings);
}

async function unknownCommand(
  program: Program,
  catalogue: Catalogue,
  path: string,
  group?: string,
): Promise<CommandFailure> {
  const { unknownCommandText } = await import('./help.ts');
  return new CommandFailure(unknownCommandText(program, catalogue, path, group));
}

async function runEntry(
  program: Program,
  entry: Entry,
  typedPath: string,
  argv: readonly string[],
  surroundings: Surroundings,
): Promise<number> {
  // In docker's messages a command has its own name, whatever other name of it was typed.
  const path = entry.aliases?.some((alias) => typedPath === `${program} ${entry.group} ${alias}`)
    ? `${program} ${entry.group} ${entry.name}`
    : typedPath;
  if (!entry.load) throw new CommandFailure(`${program}: '${path}' is not there yet`);
  const command = await entry.load();
  const { values, given, args, help } = parseCommand(program, command, path, argv);
  if (help) {
    await showHelp((help) => help.entryHelp(program, entry, command, path));
    return 0;
  }
  for (const name of given) {
    const instead = command.flags[name]?.deprecatedFor;
    if (instead !== undefined) writeOut(`Flag --${name} has been deprecated, use --${instead} instead\n`);
  }
  if (!command.takesWords) checkArguments(program, command, path, args.length);
  const resolved = await surroundings.resolve();
  const { contextName, configFolder, config } = resolved;
  return command.run({
    program,
    commandPath: path,
    flags: values,
    given,
    args,
    version: surroundings.version,
    catalogue: surroundings.catalogue,
    debug: surroundings.debug,
    contextName,
    configFolder,
    config,
    get engine() {
      return resolved.engine;
    },
  });
}

function parseCommand(program: Program, command: Command, path: string, argv: readonly string[]) {
  if (command.takesWords) return { values: {}, given: new Set<string>(), args: argv, help: false };
  try {
    return parseFlags(command.flags, argv, {
      interspersed: command.interspersed ?? true,
      suggests: program !== 'docker',
    });
  } catch (error) {
    if (!(error instanceof FlagError)) throw error;
    throw flagFailure(error, usageForms(path, command.usage), path);
  }
}

function checkArguments(program: Program, command: Command, path: string, count: number): void {
  const { min, max } = command.args;
  if (count >= min && (max === undefined || count <= max)) return;
  const plural = (number: number): string => (number === 1 ? '1 argument' : `${number} arguments`);
  let complaint: string;
  if (max === 0) complaint = 'accepts no arguments';
  else if (max === min) complaint = `requires ${plural(min)}`;
  else if (max === undefined) complaint = `requires at least ${plural(min)}`;
  else if (min > 0) complaint = `requires at least ${min} and at most ${plural(max)}`;
  else complaint = `requires at most ${plural(max)}`;
  const seeOrRun = max === undefined ? 'See' : 'Run';
  throw new CommandFailure(
    `${program}: '${path}' ${complaint}\n\nUsage:  ${usageForms(path, command.usage)}\n\n${seeOrRun} '${path} --help' for more information`,
  );
}
