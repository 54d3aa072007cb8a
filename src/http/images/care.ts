import type { Images } from '#images';
import { fail } from '#std/errors';
import type { Endpoint } from '../exchange.ts';
import { json } from '../exchange.ts';

/** `GET /estiba/images/diff` */
export function compareImages(images: Pick<Images, 'compare'>): Endpoint {
  return async ({ query }) => {
    const [before, after] = [query.text('before'), query.text('after')];
    if (before === undefined || after === undefined) {
      throw fail('invalid-argument', 'two images are needed: before and after');
    }
    return json(await images.compare(before, after));
  };
}

/** `GET /estiba/images/tree`, with `names` as often as there are images to show */
export function imageTree(images: Pick<Images, 'tree'>): Endpoint {
  return ({ query }) => json(images.tree(query.all('names')));
}

/** `GET /estiba/images/gc`: what would be removed to make room, and why */
export function planImageGc(images: Pick<Images, 'gc'>): Endpoint {
  return async () => json(await images.gc.plan());
}

/** `POST /estiba/images/gc`: removes it */
export function runImageGc(images: Pick<Images, 'gc'>): Endpoint {
  return async () => json(await images.gc.run());
}

/** `GET /estiba/system/df` */
export function diskShares(images: Pick<Images, 'diskShares'>): Endpoint {
  return async () => json(await images.diskShares());
}
