import type { EventMessage, Filters } from '#api';
import { textLines } from '../streams/json-lines.ts';
import type { EngineClient } from '../transport/engine-client.ts';
import { filtersQuery } from '../transport/request.ts';

export interface EventsOptions {
  /** Unix seconds with an optional fraction, as text. */
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  readonly filters?: Filters;
  readonly signal?: AbortSignal | undefined;
}

/** An event, and its JSON as the engine sent it: `timeNano` is more than a number here can hold exactly. */
export interface ReceivedEvent {
  readonly event: EventMessage;
  readonly json: string;
  readonly timeNs: bigint;
}

async function* receive(body: AsyncIterable<Uint8Array>): AsyncGenerator<ReceivedEvent> {
  for await (const json of textLines(body)) {
    const event = JSON.parse(json) as EventMessage;
    const nanoseconds = /"timeNano":\s*(\d+)\s*}?\s*$/.exec(json)?.[1];
    yield { event, json, timeNs: nanoseconds === undefined ? BigInt(event.timeNano) : BigInt(nanoseconds) };
  }
}

/** `GET /events`: past ones since `since`, then those to come, until `until`. */
export async function engineEvents(
  engine: EngineClient,
  options: EventsOptions = {},
): Promise<AsyncIterable<ReceivedEvent>> {
  const { filters, signal, since, until } = options;
  const query = { since, until, filters: filtersQuery(filters) };
  const { body } = await engine.send({ method: 'GET', path: '/events', query, signal });
  return receive(body);
}
