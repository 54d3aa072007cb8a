import type { Images } from '#images';
import type { Endpoint } from '../exchange.ts';
import { json } from '../exchange.ts';
import { acceptedFilters } from '../filters.ts';
import { asOf } from '../gates.ts';
import { imageInspectGates, imageSummaryGates } from '../shapes.ts';

/** `GET /images/json` */
export function listImages(images: Pick<Images, 'list'>): Endpoint {
  return ({ query, version }) => {
    const filters = query.filters(acceptedFilters.images);
    // Before 1.41 the pattern of a name had a parameter of its own.
    const pattern = version < 41 ? query.text('filter') : undefined;
    const rows = images.list({
      all: query.flag('all'),
      filters: pattern === undefined ? filters : new Map([...filters, ['reference', [pattern]]]),
      digests: query.flag('digests'),
      sharedSize: version >= 42 && query.flag('shared-size'),
    });
    return json(rows.map((row) => asOf(row, version, imageSummaryGates)));
  };
}

/** `GET /images/{name}/json` */
export function inspectImage(images: Pick<Images, 'inspect'>): Endpoint {
  return ({ name, version }) => json(asOf(images.inspect(name), version, imageInspectGates));
}

/** `GET /images/{name}/history` */
export function imageHistory(images: Pick<Images, 'history'>): Endpoint {
  return ({ name }) => json(images.history(name));
}
