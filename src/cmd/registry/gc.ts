import { defineCommand, text, toggle } from '#cli';
import { type Collected, collectGarbage } from '#registry';
import { fail } from '#std/errors';
import { garbageSettings, readGarbage, retainHelp } from './settings/garbage.ts';
import { settingFlags } from './settings/table.ts';
import { readValues } from './settings/values.ts';

function describe({ removals, freedBytes, dryRun }: Collected): string {
  const lines = removals.map(({ kind, repository, name, reason }) => {
    const place = repository === '' ? name : `${repository}${kind === 'tag' ? ':' : '@'}${name}`;
    return `${kind.padEnd(9)}${place}  (${reason})\n`;
  });
  const [verb, gain] = dryRun ? ['would go', 'would be free'] : ['gone', 'free'];
  return `${lines.join('')}${removals.length} ${verb}, ${(freedBytes / 1e6).toFixed(1)} MB ${gain}\n`;
}

/** `estiba registry gc`. */
export const gc = defineCommand({
  usage: '[OPTIONS]',
  description: `Where a registry serves the directory, that does it, by rules and times of its own. ${retainHelp}`,
  flags: {
    root: text('Directory of the registry', { type: 'DIR', completes: 'directory' }),
    'dry-run': toggle('Only tell what would go, and why'),
    ...settingFlags(['config', ...garbageSettings]),
  },
  args: { min: 0, max: 0 },
  async run({ flags, given }) {
    const values = readValues(flags, given);
    const root = values.text('root');
    if (root === undefined) {
      throw fail('invalid-argument', 'estiba registry gc: say of which directory, with --root DIR');
    }
    const isChosen = garbageSettings.some((name) => given.has(name));
    const options = { ...readGarbage(values), dryRun: flags['dry-run'], isChosen };
    const collected = await collectGarbage(root, options);
    process.stdout.write(describe(collected));
    return 0;
  },
});
