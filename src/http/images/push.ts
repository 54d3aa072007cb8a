import type { Images } from '#images';
import type { Endpoint } from '../exchange.ts';
import { stream } from '../exchange.ts';
import { encodeProgress } from '../progress.ts';
import { platformOf } from './platform.ts';
import { registryAuth } from './registry-auth.ts';

/** `POST /images/{name}/push` */
export function pushImage(images: Pick<Images, 'push'>): Endpoint {
  return (call) => {
    const { name, query, signal } = call;
    const tag = query.text('tag');
    const platform = platformOf(call, 46);
    const messages = images.push({
      name,
      credentials: registryAuth(call),
      signal,
      ...(tag !== undefined && { tag }),
      ...(platform !== undefined && { platform }),
    });
    return stream('application/json', encodeProgress(messages, 'push'));
  };
}
