import type { Endpoint } from '../exchange.ts';

/**
 * `GET` and `HEAD /_ping`. Builder-Version 1: there is no BuildKit behind this API yet, and the docker CLI then does not look
 * for one.
 */
export const ping: Endpoint = () => ({
  status: 200,
  headers: {
    'Builder-Version': '1',
    'Cache-Control': 'no-cache, no-store, must-revalidate',
    Pragma: 'no-cache',
    Swarm: 'inactive',
    'Content-Type': 'text/plain; charset=utf-8',
  },
  body: 'OK',
});
