import type { Images } from '#images';
import { fail } from '#std/errors';
import type { Endpoint } from '../exchange.ts';
import { json } from '../exchange.ts';
import { acceptedFilters } from '../filters.ts';
import { asOf } from '../gates.ts';
import { imageInspectGates, imageSummaryGates } from '../shapes.ts';
import { platformOf } from './platform.ts';

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
  return (call) => {
    const { name, query, version } = call;
    const platform = platformOf(call, 49);
    if (platform !== undefined && version >= 48 && query.flag('manifests')) {
      throw fail('invalid-argument', 'conflicting options: manifests and platform options cannot both be set');
    }
    return json(asOf(images.inspect(name, platform), version, imageInspectGates));
  };
}

/** `GET /images/{name}/history` */
export function imageHistory(images: Pick<Images, 'history'>): Endpoint {
  return (call) => json(images.history(call.name, platformOf(call, 48)));
}
