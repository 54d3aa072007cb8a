import { engineEvents, type ReceivedEvent } from '#client';
import { messageOf } from '#std/errors';
import { CommandFailure } from '../../failure.ts';
import { defineCommand } from '../../grammar/command.ts';
import { text } from '../../grammar/flag.ts';
import { printTimestamp } from '../../print/times.ts';
import { writeBytes } from '../../streams/byte-output.ts';
import { filterFlag, toFilters } from '../../values/filters.ts';
import { apiTimestamp } from '../../values/timestamps.ts';

const parseExitCode = 64;

function eventLine({ event, timeNs }: ReceivedEvent): string {
  const { Type, Action, Actor } = event;
  const attributes = Object.entries(Actor.Attributes ?? {})
    .map(([name, value]) => `${name}=${value}`)
    .sort();
  const time = printTimestamp(Number(timeNs / 1_000_000n), timeNs % 1_000_000_000n);
  return `${time} ${Type} ${Action} ${Actor.ID}${attributes.length === 0 ? '' : ` (${attributes.join(', ')})`}`;
}

/** How each event is printed. The fields of templates have the names that Go gives them. */
async function printer(format: string): Promise<(received: ReceivedEvent) => string> {
  if (format === '') return eventLine;
  if (format === 'json') return ({ json }) => json;
  const { compileTemplate } = await import('../../template/index.ts');
  const { asMap, asStruct, withJsonText } = await import('../../template/values.ts');
  const wrap = <T>(run: () => T, exitCode?: number): T => {
    try {
      return run();
    } catch (error) {
      throw new CommandFailure(`Error parsing format: ${messageOf(error)}`, exitCode, { cause: error });
    }
  };
  const template = wrap(() => compileTemplate(format), parseExitCode);
  return ({ event, json, timeNs }) => {
    const { status = '', id = '', from = '', Type, Action, Actor, scope, time } = event;
    const attributes = asMap({ ...Actor.Attributes }, '');
    const data = {
      Status: status,
      ID: id,
      From: from,
      Type,
      Action,
      Actor: asStruct({ ID: Actor.ID, Attributes: attributes }, 'events.Actor'),
      Scope: scope,
      Time: time,
      TimeNano: timeNs.toString(),
    };
    return wrap(() => template(withJsonText(asStruct(data, '*events.Message'), () => json)));
  };
}

/** `system events`, also `events`. */
export const events = defineCommand({
  usage: '[OPTIONS]',
  examples: [['events --filter type=container --since 1h', 'What happened in the last hour, and goes on']],
  flags: {
    filter: filterFlag('events', 'Show those that match alone (name=value)'),
    format: text('json, or a Go template for each event'),
    since: text('Begin with those since a time, or a duration ago'),
    until: text('End at a time, or a duration ago'),
  },
  args: { min: 0, max: 0 },
  async run({ flags, engine }) {
    const print = await printer(flags.format);
    const options = {
      since: apiTimestamp(undefined, flags.since),
      until: apiTimestamp(undefined, flags.until),
      filters: toFilters(flags.filter),
    };
    for await (const received of await engineEvents(engine, options))
      await writeBytes(1, Buffer.from(`${print(received)}\n`));
    return 0;
  },
});
