import type { Catalogue } from '../grammar/catalogue.ts';
import type { Command } from '../grammar/command.ts';
import { type Entry, isShown } from '../grammar/entry.ts';
import type { FlagTable } from '../grammar/flag.ts';
import { globalFlags } from '../grammar/global-flags.ts';
import { bold, escaped, example, italic, item, section } from './roff.ts';

interface Program {
  readonly name: string;
  readonly version: string;
}

const pathOf = ({ group, name }: Entry): string => (group === '' ? name : `${group} ${name}`);

/** The name of a page: `estiba-container-run` for `container run`. */
const pageName = (program: Program, path: string): string => [program.name, ...path.split(' ')].join('-');

const reference = (name: string): string => `${bold(name)}(1)`;

function options(table: FlagTable): string[] {
  return Object.entries(table)
    .filter(([, flag]) => flag.hidden !== true)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, { short, type, summary, shownDefault }]) => {
      const forms = [...(short === undefined ? [] : [`-${short}`]), `--${name}`].map(bold).join(', ');
      const ending = shownDefault === undefined ? '' : ` (default ${shownDefault})`;
      return item(type === '' ? forms : `${forms} ${italic(type)}`, `${summary}${ending}.`);
    });
}

function head(program: Program, name: string, summary: string): string[] {
  return [
    `.TH ${escaped(name.toUpperCase())} 1 "" "${escaped(`${program.name} ${program.version}`)}" "User commands"`,
    // Command lines are neither hyphenated nor stretched.
    '.nh',
    '.ad l',
    ...section('NAME', [`${escaped(name)} \\- ${escaped(summary)}`]),
  ];
}

function synopsis(path: string, usage: string): string[] {
  return section(
    'SYNOPSIS',
    usage
      .split('\n')
      .flatMap((form, index) => [...(index > 0 ? ['.br'] : []), `${bold(path)} ${escaped(form)}`.trim()]),
  );
}

/** Commands with their summaries, each with the page that tells more. */
function commandItems(program: Program, entries: readonly Entry[], path: (entry: Entry) => string): string[] {
  return entries.flatMap((entry) => [
    ...item(bold(path(entry)), `${entry.summary}.`),
    `See ${reference(pageName(program, pathOf(entry)))}.`,
  ]);
}

const paragraph = (text: string): string[] => ['.PP', escaped(text)];

function commandPage(program: Program, catalogue: Catalogue, entry: Entry, command: Command): string[] {
  const path = pathOf(entry);
  const name = pageName(program, path);
  const others = [
    ...(entry.group === '' ? [] : (entry.aliases ?? []).map((alias) => `${program.name} ${entry.group} ${alias}`)),
    ...(entry.flat === undefined || entry.flat === path ? [] : [`${program.name} ${entry.flat}`]),
  ];
  const below =
    entry.group === '' ? catalogue.entries.filter((each) => each.group === entry.name && isShown(each)) : [];
  const { usage, description, examples = [], flags } = command;
  return [
    ...head(program, name, entry.summary),
    ...synopsis(`${program.name} ${path}`, usage),
    ...section('DESCRIPTION', [
      escaped(`${entry.summary}.`),
      ...(description === undefined ? [] : paragraph(description)),
      ...(others.length === 0 ? [] : ['.PP', `The same as ${others.map(bold).join(', ')}.`]),
    ]),
    ...section(
      'COMMANDS',
      commandItems(program, below, (each) => each.name),
    ),
    ...section('OPTIONS', options(flags)),
    ...section(
      'EXAMPLES',
      examples.flatMap(([line, what]) => [...paragraph(`${what}:`), ...example(`${program.name} ${line}`)]),
    ),
    ...section('SEE ALSO', [
      [program.name, ...(catalogue.groups[entry.group] === undefined ? [] : [pageName(program, entry.group)])]
        .map(reference)
        .join(', '),
    ]),
  ];
}

function groupPage(program: Program, group: string, summary: string, entries: readonly Entry[]): string[] {
  return [
    ...head(program, pageName(program, group), summary),
    ...synopsis(`${program.name} ${group}`, 'COMMAND'),
    ...section(
      'COMMANDS',
      commandItems(program, entries, (entry) => entry.name),
    ),
    ...section('SEE ALSO', [reference(program.name)]),
  ];
}

/** What goes for all commands. */
const environment: readonly (readonly [string, string])[] = [
  ['DOCKER_HOST', 'The engine to speak to, as --host has it.'],
  ['DOCKER_CONTEXT', 'The context whose engine to speak to.'],
  ['DOCKER_CONFIG', 'Folder of the client configuration, ~/.docker by itself.'],
  ['DOCKER_API_VERSION', 'The version of the API to speak.'],
  ['DOCKER_TLS_VERIFY', 'Use TLS and verify the engine, with the files that DOCKER_CERT_PATH holds.'],
  ['NO_COLOR', 'Help without colours.'],
];

const exits: readonly (readonly [string, string])[] = [
  ['0', 'It is done.'],
  ['1', 'It failed.'],
  ['125', 'The words or the engine refused it.'],
  ['126', "A container's program could not be run."],
  ['127', "A container's program is not there."],
  ['other', "What a container's process ended with, for commands that wait for it."],
];

function mainPage(program: Program, { entries, groups }: Catalogue, shown: readonly Entry[]): string[] {
  const flat = shown
    .filter(({ flat }) => flat !== undefined)
    .sort((a, b) => ((a.flat ?? '') < (b.flat ?? '') ? -1 : 1));
  return [
    ...head(program, program.name, 'Runs containers, and whatever belongs to them'),
    ...synopsis(program.name, '[OPTIONS] COMMAND [ARG...]'),
    ...section('DESCRIPTION', [
      escaped('Starts and tends containers on an engine, in the words of the docker command line.'),
    ]),
    ...section(
      'COMMANDS',
      commandItems(program, flat, ({ flat }) => flat ?? ''),
    ),
    ...section(
      'GROUPS OF COMMANDS',
      Object.entries(groups)
        .filter(([group]) => entries.some((entry) => entry.group === group && isShown(entry)))
        .flatMap(([group, summary]) => [
          ...item(bold(group), `${summary}.`),
          `See ${reference(pageName(program, group))}.`,
        ]),
    ),
    ...section('OPTIONS', options(globalFlags)),
    ...section(
      'ENVIRONMENT',
      environment.flatMap(([name, meaning]) => item(bold(name), meaning)),
    ),
    ...section(
      'EXIT STATUS',
      exits.flatMap(([code, meaning]) => item(bold(code), meaning)),
    ),
  ];
}

/**
 * Man pages by their file names, from what `--help` is made of: one for the program, for each group and each command. The
 * page of a name outside the group refers to that of the command.
 */
export async function manualPages(program: Program, catalogue: Catalogue): Promise<ReadonlyMap<string, string>> {
  const shown = catalogue.entries.filter(isShown);
  const pages = new Map<string, readonly string[]>([[program.name, mainPage(program, catalogue, shown)]]);
  for (const [group, summary] of Object.entries(catalogue.groups)) {
    const entries = shown.filter((entry) => entry.group === group);
    if (entries.length > 0) pages.set(pageName(program, group), groupPage(program, group, summary, entries));
  }
  for (const entry of shown) {
    const command = await entry.load?.();
    const name = pageName(program, pathOf(entry));
    if (command) pages.set(name, commandPage(program, catalogue, entry, command));
    const flat = entry.flat === undefined ? name : pageName(program, entry.flat);
    if (flat !== name) pages.set(flat, [`.so man1/${name}.1`]);
  }
  return new Map([...pages].map(([name, lines]) => [`${name}.1`, `${lines.join('\n')}\n`]));
}
