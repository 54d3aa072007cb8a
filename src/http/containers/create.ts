import type { ContainerCreateRequest } from '#api';
import type { Containers } from '#containers';
import { fail } from '#std/errors';
import type { Endpoint } from '../exchange.ts';
import { json } from '../exchange.ts';
import { asOf } from '../gates.ts';
import { readJson } from '../json/body.ts';
import { decodeAs } from '../json/schema.ts';
import { createGates, wholeMounts } from '../shapes.ts';
import { withPlacedMac } from './create-endpoints.ts';
import { configFields, createRequest } from './create-schema.ts';

/** `POST /containers/create` */
export function createContainer(containers: Pick<Containers, 'create'>): Endpoint {
  return async (call) => {
    const body = await readJson(call);
    if (body === undefined) throw fail('invalid-argument', 'invalid JSON: got EOF while reading request body');
    const request = decodeAs<ContainerCreateRequest>(body, createRequest, '');
    if (!Object.keys(request).some((key) => Object.hasOwn(configFields, key))) {
      throw fail('invalid-argument', 'config cannot be empty in order to create a container');
    }
    const name = call.query.text('name');
    const platform = call.query.text('platform');
    const current = asOf(wholeMounts(request), call.version, createGates);
    const { request: placed, warnings } = withPlacedMac(current, call.version);
    const created = await containers.create(name, placed, platform, { shallowReadOnly: call.version < 44 });
    return json({ ...created, Warnings: [...created.Warnings, ...warnings] }, 201);
  };
}
