import type { Containers } from '#containers';
import type { Endpoint } from '../exchange.ts';
import { empty, json } from '../exchange.ts';

/** `GET /exec/{id}/json` */
export function inspectExec(containers: Pick<Containers, 'execInspect'>): Endpoint {
  return ({ name }) => json(containers.execInspect(name));
}

/** `POST /exec/{id}/resize` */
export function resizeExec(containers: Pick<Containers, 'execResize'>): Endpoint {
  return async ({ name, query }) => {
    const rows = query.extent('h', 'resize height');
    await containers.execResize(name, rows, query.extent('w', 'resize width'));
    return empty(200);
  };
}
