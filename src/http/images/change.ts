import type { Images } from '#images';
import type { Endpoint } from '../exchange.ts';
import { json } from '../exchange.ts';
import { acceptedFilters } from '../filters.ts';
import { removedPlatformOf } from './platform.ts';

/** `POST /images/{name}/tag` */
export function tagImage(images: Pick<Images, 'tag'>): Endpoint {
  return ({ name, query }) => {
    images.tag(name, query.text('repo') ?? '', query.text('tag') ?? '');
    return { status: 201, headers: {}, body: '' };
  };
}

/** `DELETE /images/{name}` */
export function removeImage(images: Pick<Images, 'remove'>): Endpoint {
  return async (call) => {
    const { name, query } = call;
    const platform = removedPlatformOf(call);
    return json(await images.remove(name, { force: query.flag('force'), noPrune: query.flag('noprune'), platform }));
  };
}

/** `POST /images/prune` */
export function pruneImages(images: Pick<Images, 'prune'>): Endpoint {
  return async ({ query }) => json(await images.prune(query.filters(acceptedFilters.imagesPrune)));
}
