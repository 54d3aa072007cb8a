import type { Images } from '#images';
import { fail } from '#std/errors';
import type { Endpoint } from '../exchange.ts';
import { stream } from '../exchange.ts';
import { encodeStatus } from '../progress.ts';
import { requestStream } from '../request-stream.ts';

/** `POST /images/create`: import of the request's body (`fromSrc=-`); pull is not there yet. */
export function createImage(images: Pick<Images, 'import'>): Endpoint {
  return async ({ query, body }) => {
    const source = query.text('fromSrc');
    const reference = query.text('fromImage');
    if (reference !== undefined) {
      throw fail(
        'not-implemented',
        `pull of ${reference} is not implemented yet: load or import the image, or make a base image with 'estiba image bootstrap'`,
      );
    }
    if (source === undefined) throw fail('invalid-argument', 'one of fromImage and fromSrc is needed');
    if (source !== '-')
      throw fail('not-implemented', `import from ${source} is not implemented yet, send the tar as the request's body`);
    const repository = query.text('repo');
    const tag = query.text('tag');
    const message = query.text('message');
    const platform = query.text('platform');
    const id = await images.import({
      body: requestStream(body),
      changes: query.all('changes'),
      ...(repository === undefined ? {} : { repository }),
      ...(tag === undefined ? {} : { tag }),
      ...(message === undefined ? {} : { message }),
      ...(platform === undefined ? {} : { platform }),
    });
    return stream('application/json', encodeStatus(id));
  };
}
