import type { Events } from '#events';
import { fail } from '#std/errors';
import type { Endpoint } from '../exchange.ts';
import { stream } from '../exchange.ts';

async function* encode(messages: AsyncIterable<object>): AsyncGenerator<string> {
  for await (const message of messages) yield `${JSON.stringify(message)}\n`;
}

/** `GET /events`: a JSON object a line, as they happen. */
export function events(feature: Pick<Events, 'stream'>): Endpoint {
  return ({ query, signal }) => {
    const sinceNs = query.timeNs('since');
    const untilNs = query.timeNs('until');
    if (sinceNs !== undefined && untilNs !== undefined && untilNs < sinceNs) {
      throw fail(
        'invalid-argument',
        `\`since\` time (${query.text('since')}) cannot be after \`until\` time (${query.text('until')})`,
      );
    }
    const messages = feature.stream({
      ...(sinceNs === undefined ? {} : { sinceNs }),
      ...(untilNs === undefined ? {} : { untilNs }),
      filters: query.filters(),
      signal,
    });
    return stream('application/json', encode(messages));
  };
}
