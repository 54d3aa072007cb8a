import type { Catalogue } from './grammar/catalogue.ts';
import type { Command, Program } from './grammar/command.ts';
import { type Entry, isShown } from './grammar/entry.ts';
import { globalFlags } from './grammar/global-flags.ts';
import { nearest } from './grammar/nearest.ts';
import { commandHelp, flagLines, nameLines } from './grammar/usage.ts';

const common = [
  'run',
  'exec',
  'ps',
  'build',
  'pull',
  'push',
  'images',
  'login',
  'logout',
  'search',
  'logs',
  'version',
  'info',
];

function flatRows({ entries }: Catalogue, pick: (entry: Entry) => boolean): (readonly [string, string])[] {
  return entries
    .filter((entry) => entry.flat !== undefined && isShown(entry) && pick(entry))
    .map((entry) => [entry.flat ?? '', entry.summary] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

/** The help of the program as a whole. */
export function programHelp(program: Program, catalogue: Catalogue): string {
  const { entries, groups } = catalogue;
  const isCommon = (entry: Entry): boolean => common.includes(entry.flat ?? '');
  const hasGroup = (entry: Entry): boolean => entries.some(({ group }) => group !== '' && group === entry.flat);
  const ready = Object.entries(groups).filter(([group]) =>
    entries.some((entry) => entry.group === group && entry.load),
  );
  return `${[
    `Usage:  ${program} [OPTIONS] COMMAND`,
    '',
    'Runs containers, and whatever belongs to them',
    '',
    'Common Commands:',
    ...nameLines(flatRows(catalogue, isCommon)),
    '',
    'Management Commands:',
    ...nameLines([...flatRows(catalogue, hasGroup), ...ready]),
    '',
    'Commands:',
    ...nameLines(flatRows(catalogue, (entry) => !isCommon(entry) && !hasGroup(entry))),
    '',
    'Global Options:',
    ...flagLines(globalFlags),
    '',
    `Run '${program} COMMAND --help' for more information on a command.`,
  ].join('\n')}\n`;
}

/** The help of a group of commands. */
export function groupHelp(program: Program, { entries, groups }: Catalogue, group: string): string {
  const rows = entries
    .filter((entry) => entry.group === group && isShown(entry))
    .map((entry) => [entry.name, entry.summary] as const);
  return `${[
    `Usage:  ${program} ${group} COMMAND`,
    '',
    groups[group] ?? '',
    '',
    'Commands:',
    ...nameLines(rows),
    '',
    `Run '${program} ${group} COMMAND --help' for more information on a command.`,
  ].join('\n')}\n`;
}

/** The help of a command. */
export function entryHelp(program: Program, entry: Entry, command: Command, path: string): string {
  const inGroup =
    entry.group === '' ? [] : [entry.name, ...(entry.aliases ?? [])].map((name) => `${program} ${entry.group} ${name}`);
  const flat = entry.flat === undefined ? [] : [`${program} ${entry.flat}`];
  return commandHelp({
    path,
    program,
    usage: command.usage,
    summary: entry.summary,
    ...(command.description === undefined ? {} : { description: command.description }),
    examples: command.examples ?? [],
    aliases: [...inGroup, ...flat],
    flags: command.flags,
  });
}

/** What is said of a command that there is not, with the nearest that there is. */
export function unknownCommandText(
  program: Program,
  { entries, groups }: Catalogue,
  path: string,
  group?: string,
): string {
  const names =
    group === undefined
      ? [...entries.flatMap((entry) => entry.flat ?? []), ...Object.keys(groups)]
      : entries.filter((entry) => entry.group === group).flatMap((entry) => [entry.name, ...(entry.aliases ?? [])]);
  const meant = program === 'docker' ? undefined : nearest(path.split(' ').at(-1) ?? '', names);
  const prefix = group === undefined ? program : `${program} ${group}`;
  return [
    `${program}: unknown command: ${path}`,
    ...(meant === undefined ? [] : ['', `Did you mean '${prefix} ${meant}'?`]),
    ...(group === undefined ? [] : ['', `Usage:  ${prefix}`]),
    '',
    `Run '${prefix} --help' for more information`,
  ].join('\n');
}
