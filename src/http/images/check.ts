import type { Images } from '#images';
import type { Endpoint } from '../exchange.ts';
import { stream } from '../exchange.ts';
import { encodeProgress } from '../progress.ts';
import { registryAuth } from './registry-auth.ts';

/** `POST /estiba/images/check`, with `names` as often as there are images to check; `repair=1` heals what can be healed. */
export function checkImages(images: Pick<Images, 'check'>): Endpoint {
  return (call) => {
    const { query, signal } = call;
    const request = { repair: query.flag('repair'), credentials: registryAuth(call), signal };
    return stream('application/json', encodeProgress(images.check(query.all('names'), request), 'check'));
  };
}
