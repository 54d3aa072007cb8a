import type { Containers } from '#containers';
import { fail } from '#std/errors';
import type { Endpoint } from '../exchange.ts';
import { empty } from '../exchange.ts';

/** `POST /containers/{name}/rename` */
export function renameContainer(containers: Pick<Containers, 'rename'>): Endpoint {
  return async ({ name, query }) => {
    const newName = query.text('name');
    if (newName === undefined) throw fail('invalid-argument', 'Neither old nor new names may be empty');
    await containers.rename(name, newName);
    return empty();
  };
}
