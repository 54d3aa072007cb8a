import type { Images } from '#images';
import type { Endpoint } from '../exchange.ts';
import { stream } from '../exchange.ts';
import { encodeProgress } from '../progress.ts';
import { requestStream } from '../request-stream.ts';

/** `POST /images/load` */
export function loadImages(images: Pick<Images, 'load'>): Endpoint {
  return ({ query, body }) => {
    const messages = images.load(requestStream(body), { quiet: query.flag('quiet') });
    return stream('application/json', encodeProgress(messages, 'load'));
  };
}

/** `GET /images/{name}/get` */
export function saveImage(images: Pick<Images, 'save'>): Endpoint {
  return async ({ name }) => stream('application/x-tar', await images.save([name]));
}

/** `GET /images/get`, with `names` as often as there are images to save */
export function saveImages(images: Pick<Images, 'save'>): Endpoint {
  return async ({ query }) => stream('application/x-tar', await images.save(query.all('names')));
}
