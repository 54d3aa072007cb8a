import type { Endpoint } from '../exchange.ts';
import { json } from '../exchange.ts';
import type { SystemInformation } from './types.ts';

/**
 * `POST /estiba/stop?all=1`: our own addition to the Engine API. The engine ends after the answer, which names its
 * process; with `all` it stops all containers and the keeper first.
 */
export function stopEngine(system: SystemInformation): Endpoint {
  return ({ query }) => {
    system.requestStop(query.flag('all'));
    return json({ Pid: process.pid });
  };
}
