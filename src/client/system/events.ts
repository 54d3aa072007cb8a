import type { EventMessage, Filters } from '#api';
import { jsonLines } from '../streams/json-lines.ts';
import type { EngineClient } from '../transport/engine-client.ts';
import { filtersQuery } from '../transport/request.ts';

export interface EventsOptions {
  /** Unix seconds with an optional fraction, as text. */
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  readonly filters?: Filters;
  readonly signal?: AbortSignal | undefined;
}

/** `GET /events`: past ones since `since`, then those to come, until `until`. */
export async function engineEvents(
  engine: EngineClient,
  options: EventsOptions = {},
): Promise<AsyncIterable<EventMessage>> {
  const { filters, signal, since, until } = options;
  const query = { since, until, filters: filtersQuery(filters) };
  const { body } = await engine.send({ method: 'GET', path: '/events', query, signal });
  return jsonLines(body);
}
