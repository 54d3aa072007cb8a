import { fail } from '#std/errors';
import { type ResolvedEngine, resolveEngine } from './connection/resolve.ts';
import { CommandFailure } from './failure.ts';
import type { Command } from './grammar/command.ts';
import { list, text, toggle } from './grammar/flag.ts';
import { FlagError, parseFlags } from './grammar/parse-flags.ts';
import { writeOut } from './streams/text-output.ts';
import { type Entry, entries, groups } from './table.ts';

export type Program = 'estiba' | 'docker';

/** What a command is given besides its own words, worked out when they have been understood. */
interface Connected extends ResolvedEngine {
  readonly version: string;
}

type Connect = () => Promise<Connected>;

const usageExitCode = 125;

/** The flags before the command. */
export const globalFlags = {
  config: text('Folder of the client configuration'),
  context: text('Name of the context whose engine to speak to', { short: 'c' }),
  debug: toggle('More detail when something fails', { short: 'D' }),
  host: list('Engine to speak to (unix:///path, tcp://host:port)', { short: 'H' }),
  'log-level': text('Level of logging', { short: 'l', initial: 'info', shownDefault: '"info"' }),
  tls: toggle('Use TLS', { hidden: true }),
  tlsverify: toggle('Use TLS and verify the engine', { hidden: true }),
  tlscacert: text('Certificates to trust', { hidden: true }),
  tlscert: text('Our certificate', { hidden: true }),
  tlskey: text('Our key', { hidden: true }),
  version: toggle('Print the version and end', { short: 'v' }),
};

/** Runs the command that `argv` names; resolves with its exit code. Failures are thrown. */
export async function dispatch(program: Program, version: string, argv: readonly string[]): Promise<number> {
  const { values, args, help } = parseGlobal(program, argv);
  if (values.version) {
    writeOut(`${(await import('./commands/version.ts')).versionLine(program, version)}\n`);
    return 0;
  }
  const [first, ...rest] = args;
  if (first === undefined || (help && args.length === 0)) {
    writeOut((await import('./help.ts')).programHelp(program));
    return 0;
  }
  if (first === 'help') return dispatch(program, version, [...rest, '--help']);
  if (values.tls || values.tlsverify) throw fail('not-implemented', 'TLS to an engine is not there yet');
  const connect = async (): Promise<Connected> => ({
    version,
    ...(await resolveEngine(program, { hosts: values.host, context: values.context, configFolder: values.config })),
  });
  const alone = entries.find((entry) => entry.flat === first);
  if (alone) return runEntry(program, alone, `${program} ${first}`, rest, connect);
  if (Object.hasOwn(groups, first)) return dispatchGroup(program, first, rest, connect);
  throw await unknownCommand(program, `${program} ${first}`);
}

function parseGlobal(program: Program, argv: readonly string[]) {
  try {
    return parseFlags(globalFlags, argv, { interspersed: false });
  } catch (error) {
    if (!(error instanceof FlagError)) throw error;
    const hint = error.suggestion === undefined ? '' : `\n\nDid you mean ${error.suggestion}?`;
    const usage = `Usage:  ${program} [OPTIONS] COMMAND [ARG...]`;
    const message = `${error.message}${hint}\n\n${usage}\n\nRun '${program} --help' for more information`;
    throw new CommandFailure(message, usageExitCode);
  }
}

async function dispatchGroup(
  program: Program,
  group: string,
  argv: readonly string[],
  connect: Connect,
): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined || name === '--help' || name === '-h') {
    writeOut((await import('./help.ts')).groupHelp(program, group));
    return 0;
  }
  const path = `${program} ${group}`;
  if (name.startsWith('-')) {
    const shown = name.startsWith('--')
      ? `unknown flag: ${name}`
      : `unknown shorthand flag: '${name.charAt(1)}' in ${name}`;
    throw new CommandFailure(
      `${shown}\n\nUsage:  ${path} COMMAND\n\nRun '${path} --help' for more information`,
      usageExitCode,
    );
  }
  const entry = entries.find((each) => each.group === group && (each.name === name || each.aliases?.includes(name)));
  if (!entry) throw await unknownCommand(program, `${path} ${name}`, group);
  return runEntry(program, entry, `${path} ${name}`, rest, connect);
}

async function unknownCommand(program: Program, path: string, group?: string): Promise<CommandFailure> {
  const { unknownCommandText } = await import('./help.ts');
  return new CommandFailure(unknownCommandText(program, path, group));
}

async function runEntry(
  program: Program,
  entry: Entry,
  path: string,
  argv: readonly string[],
  connect: Connect,
): Promise<number> {
  if (!entry.load) throw new CommandFailure(`${program}: '${path}' is not there yet`);
  const command = await entry.load();
  const { values, given, args, help } = parseCommand(command, path, argv);
  if (help) {
    writeOut((await import('./help.ts')).entryHelp(program, entry, command, path));
    return 0;
  }
  checkArguments(program, command, path, args.length);
  return command.run({ program, commandPath: path, flags: values, given, args, ...(await connect()) });
}

function parseCommand(command: Command, path: string, argv: readonly string[]) {
  try {
    return parseFlags(command.flags, argv, { interspersed: command.interspersed ?? true });
  } catch (error) {
    if (!(error instanceof FlagError)) throw error;
    const hint = error.suggestion === undefined ? '' : `\n\nDid you mean ${error.suggestion}?`;
    const usage = `Usage:  ${`${path} ${command.usage}`.trim()}`;
    throw new CommandFailure(
      `${error.message}${hint}\n\n${usage}\n\nRun '${path} --help' for more information`,
      usageExitCode,
    );
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
    `${program}: '${path}' ${complaint}\n\nUsage:  ${`${path} ${command.usage}`.trim()}\n\n${seeOrRun} '${path} --help' for more information`,
  );
}
