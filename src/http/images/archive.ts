import type { Images } from '#images';
import { pulledStream } from '#std/pulled-stream';
import type { Endpoint } from '../exchange.ts';
import { stream } from '../exchange.ts';
import { encodeProgress } from '../progress.ts';
import { onePlatformOf } from './platform.ts';

/** The version of the API from which on an archive may be of one platform alone. */
const platformSince = 48;

/** `POST /images/load` */
export function loadImages(images: Pick<Images, 'load'>): Endpoint {
  return (call) => {
    const platform = onePlatformOf(call, platformSince);
    const messages = images.load(pulledStream(call.body), { quiet: call.query.flag('quiet'), platform });
    return stream('application/json', encodeProgress(messages, 'load'));
  };
}

/** `GET /images/{name}/get` */
export function saveImage(images: Pick<Images, 'save'>): Endpoint {
  return async (call) =>
    stream('application/x-tar', await images.save([call.name], onePlatformOf(call, platformSince)));
}

/** `GET /images/get`, with `names` as often as there are images to save */
export function saveImages(images: Pick<Images, 'save'>): Endpoint {
  return async (call) =>
    stream('application/x-tar', await images.save(call.query.all('names'), onePlatformOf(call, platformSince)));
}
