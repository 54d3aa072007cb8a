import { defineCommand, type Flag, list, text, toggle, type ValueKind } from '#cli';
import { fail } from '#std/errors';
import { engineMain } from './command.ts';
import { allSettings, choices, type Setting } from './settings/table.ts';
import { stopFlags } from './stop-flags.ts';

const valueKinds: Readonly<Record<string, ValueKind>> = {
  FILE: 'file',
  DIR: 'directory',
  DRIVER: 'log-driver',
};

const kindOf = (name: string, value: string | undefined): ValueKind =>
  choices[name] ?? valueKinds[value ?? ''] ?? 'none';

function flagOf({ flag = '', kind, value = 'VALUE', missing, meaning, short }: Setting): [string, Flag<unknown>] {
  const extra = {
    ...(short === undefined ? {} : { short }),
    ...(missing === undefined ? {} : { shownDefault: missing }),
  };
  if (kind === 'boolean') return [flag, toggle(meaning, extra)];
  const make = kind === 'list' || kind === 'options' ? list : text;
  return [flag, make(meaning, { ...extra, type: value, completes: kindOf(flag, value) })];
}

/** All words are for its own parser, which speaks as dockerd's does, and which main.ts gives them to. */
async function run({ args }: { readonly args: readonly string[] }): Promise<number> {
  if (args.includes('--help')) return engineMain(['--help']);
  throw fail('invalid-argument', 'estiba: "engine" takes no options of the client: put its own behind it');
}

/** `estiba engine`. */
export const engine = defineCommand({
  usage: '[OPTIONS]',
  description:
    'Lists and KEY=VALUE options may be given several times. SIGHUP has the engine read its daemon.json again.',
  flags: Object.fromEntries(allSettings.filter(({ flag }) => flag !== undefined).map(flagOf)),
  args: { min: 0, max: 0 },
  takesWords: true,
  run,
});

/** `estiba engine stop`. */
export const engineStop = defineCommand({
  usage: '[OPTIONS]',
  flags: Object.fromEntries(
    Object.entries(stopFlags).map(([name, flag]) => {
      if (flag.type === 'boolean') return [name, toggle(flag.summary)];
      const short = 'short' in flag ? { short: flag.short } : {};
      return [name, text(flag.summary, { ...short, type: flag.value, completes: kindOf(name, flag.value) })];
    }),
  ),
  args: { min: 0, max: 0 },
  takesWords: true,
  run,
});
