import type { Images } from '#images';
import { pulledStream } from '#std/pulled-stream';
import type { ApiResponse, Call, Endpoint } from '../exchange.ts';
import { stream } from '../exchange.ts';
import { encodeProgress, encodeStatus } from '../progress.ts';
import { registryAuth } from './registry-auth.ts';

async function pull(images: Pick<Images, 'pull'>, call: Call, reference: string): Promise<ApiResponse> {
  const tag = call.query.text('tag');
  const platform = call.query.text('platform');
  const messages = await images.pull({
    reference,
    credentials: registryAuth(call),
    signal: call.signal,
    ...(tag === undefined ? {} : { tag }),
    ...(platform === undefined ? {} : { platform }),
  });
  return stream('application/json', encodeProgress(messages, 'pull'));
}

/** `POST /images/create`: pull (`fromImage`), or import of the request's body (`fromSrc=-`) or of what a URL gives. */
export function createImage(images: Pick<Images, 'import' | 'importRemote' | 'pull'>): Endpoint {
  return async (call) => {
    const { query, body, signal } = call;
    const reference = query.text('fromImage');
    if (reference) return pull(images, call, reference);
    const source = query.text('fromSrc') ?? '';
    const repository = query.text('repo');
    const tag = query.text('tag');
    const message = query.text('message');
    const platform = query.text('platform');
    const request = {
      changes: query.all('changes'),
      ...(repository === undefined ? {} : { repository }),
      ...(tag === undefined ? {} : { tag }),
      ...(message === undefined ? {} : { message }),
      ...(platform === undefined ? {} : { platform }),
    };
    const progress =
      source === '-'
        ? encodeStatus(await images.import({ ...request, body: pulledStream(body) }))
        : encodeProgress(await images.importRemote({ ...request, source, signal }), 'import');
    return stream('application/json', progress);
  };
}
