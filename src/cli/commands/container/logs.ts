import { containerLogs } from '#client';
import { defineCommand } from '../../grammar/command.ts';
import { text, toggle } from '../../grammar/flag.ts';
import { pumpOutput } from '../../streams/output-pump.ts';
import { apiTimestamp } from '../../values/timestamps.ts';

/** `container logs`. */
export const logs = defineCommand({
  usage: '[OPTIONS] CONTAINER',
  examples: [['logs -f --tail 100 web', 'The last lines, and those to come']],
  flags: {
    details: toggle('Show what the log driver knows besides'),
    follow: toggle('Go on as it writes', { short: 'f' }),
    since: text('From a time (2026-01-02T13:23:37Z) or a duration ago (42m) on'),
    tail: text('Number of lines from the end', { short: 'n', initial: 'all', shownDefault: '"all"' }),
    timestamps: toggle('Show the time of each line', { short: 't' }),
    until: text('Up to a time, or a duration ago'),
  },
  args: { min: 1, max: 1 },
  operands: ['container'],
  async run({ flags, args, engine }) {
    const { details, follow, tail, timestamps } = flags;
    const since = apiTimestamp('since', flags.since);
    const until = apiTimestamp('until', flags.until);
    const options = { details, follow, tail, timestamps, since, until };
    const { body, multiplexed } = await containerLogs(engine, args[0] ?? '', options);
    await pumpOutput(body, multiplexed);
    return 0;
  },
});
