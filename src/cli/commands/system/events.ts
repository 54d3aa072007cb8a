import { engineEvents, type ReceivedEvent } from '#client';
import { fail, messageOf } from '#std/errors';
import { defineCommand } from '../../grammar/command.ts';
import { text } from '../../grammar/flag.ts';
import { printTimestamp } from '../../print/times.ts';
import { writeBytes } from '../../streams/byte-output.ts';
import { compileTemplate } from '../../template/index.ts';
import { filterFlag, toFilters } from '../../values/filters.ts';
import { apiTimestamp } from '../../values/timestamps.ts';

function eventLine({ event, timeNs }: ReceivedEvent): string {
  const { Type, Action, Actor } = event;
  const attributes = Object.entries(Actor.Attributes ?? {})
    .map(([name, value]) => `${name}=${value}`)
    .sort();
  const time = printTimestamp(Number(timeNs / 1_000_000n), timeNs % 1_000_000_000n);
  return `${time} ${Type} ${Action} ${Actor.ID}${attributes.length === 0 ? '' : ` (${attributes.join(', ')})`}`;
}

/** How each event is printed. The fields of templates have the names that Go gives them. */
function printer(format: string): (received: ReceivedEvent) => string {
  if (format === '') return eventLine;
  if (format === 'json') return ({ json }) => json;
  try {
    const template = compileTemplate(format);
    return ({ event, timeNs }) =>
      template({
        ...event,
        Status: event.status ?? '',
        ID: event.id ?? '',
        From: event.from ?? '',
        Scope: event.scope,
        Time: event.time,
        TimeNano: timeNs.toString(),
      });
  } catch (error) {
    throw fail('invalid-argument', `Error parsing format: ${messageOf(error)}`, error);
  }
}

/** `system events`, also `events`. */
export const events = defineCommand({
  usage: '[OPTIONS]',
  flags: {
    filter: filterFlag('Show those that match alone (name=value)'),
    format: text('json, or a Go template for each event'),
    since: text('Begin with those since a time, or a duration ago'),
    until: text('End at a time, or a duration ago'),
  },
  args: { min: 0, max: 0 },
  async run({ flags, engine }) {
    const print = printer(flags.format);
    const options = {
      since: apiTimestamp('since', flags.since),
      until: apiTimestamp('until', flags.until),
      filters: toFilters(flags.filter),
    };
    for await (const received of await engineEvents(engine, options))
      await writeBytes(1, Buffer.from(`${print(received)}\n`));
    return 0;
  },
});
