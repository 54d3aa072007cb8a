import { Connection } from './connection.ts';
import type { Endpoint } from './endpoint.ts';

/** A connection to an engine for whoever speaks HTTP over it himself. */
export function dialEngine(endpoint: Endpoint): Promise<Connection> {
  return Connection.open(endpoint);
}
