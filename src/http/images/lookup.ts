import type { Images } from '#images';
import { fail, messageOf } from '#std/errors';
import type { Call, Endpoint } from '../exchange.ts';
import { json } from '../exchange.ts';
import { acceptedFilters } from '../filters.ts';
import { registryAuth } from './registry-auth.ts';

/** `GET /distribution/{name}/json` */
export function inspectDistribution(images: Pick<Images, 'lookUp'>): Endpoint {
  return async (call) => {
    const { name, signal } = call;
    return json(await images.lookUp(name, { credentials: registryAuth(call), signal }));
  };
}

function limitOf({ query }: Call): number {
  try {
    return query.integer('limit') ?? 0;
  } catch (error) {
    throw fail('invalid-argument', `invalid limit specified: ${messageOf(error)}`, error);
  }
}

/** `GET /images/search` */
export function searchImages(images: Pick<Images, 'search'>): Endpoint {
  return async (call) => {
    const { query, signal } = call;
    const filters = query.filters(acceptedFilters.imagesSearch);
    const limit = limitOf(call);
    const term = query.text('term') ?? '';
    return json(await images.search({ term, limit, filters, credentials: registryAuth(call), signal }));
  };
}
