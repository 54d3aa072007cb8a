import type { Images } from '#images';
import { fail, messageOf } from '#std/errors';
import type { ApiResponse, Call, Endpoint } from '../exchange.ts';
import { stream } from '../exchange.ts';
import { encodeProgress, encodeStatus } from '../progress.ts';
import { requestStream } from '../request-stream.ts';
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

/** A tar from the web. Throws in the words of Go's client. */
async function download(source: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
  const url = /^https?:\/\//.test(source) ? source : `http://${source}`;
  if (!URL.canParse(url)) throw fail('invalid-argument', `parse ${JSON.stringify(source)}: invalid URL`);
  let answer: Response;
  try {
    answer = await fetch(url, { signal });
  } catch (error) {
    const { hostname, port, protocol } = new URL(url);
    const code = error instanceof Error && 'code' in error ? error.code : '';
    const place = `${hostname}:${port || (protocol === 'https:' ? '443' : '80')}`;
    const refused = `dial tcp ${place}: connect: connection refused`;
    throw fail(
      'internal',
      `Get "${url}": ${code === 'ConnectionRefused' || code === 'ECONNREFUSED' ? refused : messageOf(error)}`,
      error,
    );
  }
  if (!answer.ok || answer.body === null) {
    const text = (await answer.text()).slice(0, 1024).trim();
    const kind = answer.status === 404 ? 'not-found' : 'internal';
    throw fail(kind, `failed to GET ${url} with status ${answer.status} ${answer.statusText}: ${text}`);
  }
  return answer.body;
}

/** `POST /images/create`: pull (`fromImage`), or import of the request's body (`fromSrc=-`) or of what a URL gives. */
export function createImage(images: Pick<Images, 'import' | 'pull' | 'checkName'>): Endpoint {
  return async (call) => {
    const { query, body, signal } = call;
    const reference = query.text('fromImage');
    if (reference !== undefined) return pull(images, call, reference);
    const source = query.text('fromSrc');
    if (source === undefined) throw fail('invalid-argument', 'one of fromImage and fromSrc is needed');
    const repository = query.text('repo');
    const tag = query.text('tag');
    const message = query.text('message') ?? (source === '-' ? undefined : `Imported from ${source}`);
    const platform = query.text('platform');
    if (source !== '-') images.checkName(repository, tag);
    const id = await images.import({
      body: source === '-' ? requestStream(body) : await download(source, signal),
      changes: query.all('changes'),
      ...(repository === undefined ? {} : { repository }),
      ...(tag === undefined ? {} : { tag }),
      ...(message === undefined ? {} : { message }),
      ...(platform === undefined ? {} : { platform }),
    });
    return stream('application/json', encodeStatus(id));
  };
}
