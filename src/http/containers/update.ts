import type { ContainerUpdateRequest } from '#api';
import type { Containers } from '#containers';
import { fail } from '#std/errors';
import type { Endpoint } from '../exchange.ts';
import { json } from '../exchange.ts';
import { readJson } from '../json/body.ts';
import { decodeAs } from '../json/schema.ts';
import { updateRequest } from './create-schema.ts';

/** `POST /containers/{name}/update` */
export function updateContainer(containers: Pick<Containers, 'update'>): Endpoint {
  return async (call) => {
    const body = await readJson(call);
    if (body === undefined) throw fail('invalid-argument', 'invalid JSON: got EOF while reading request body');
    const request = decodeAs<ContainerUpdateRequest>(body, updateRequest, 'UpdateConfig');
    // Before 1.40 it had no meaning, and clients sent whatever they had.
    if (call.version < 40) delete request.PidsLimit;
    return json(await containers.update(call.name, request));
  };
}
