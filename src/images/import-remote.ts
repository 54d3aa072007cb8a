import type { ProgressMessage } from '#api';
import { unreachable } from '#distribution';
import { fail } from '#std/errors';
import { checkImport, importImage } from './import.ts';
import { createMeter, progressMessage, reporting } from './progress.ts';
import type { ImportRequest } from './types.ts';

/** How much of an answer that refuses is told. */
const refusalMaxCharacters = 1024;

/** The URL of a source as people write it, `http` where it says no scheme. Throws `invalid-argument` in the words of Go's parser. */
export function sourceUrl(source: string): string {
  const url = source.includes('://') ? source : `http://${source}`;
  const wrong = (words: string): Error => fail('invalid-argument', words);
  const host = /^[^:]*:\/\/([^/?#]*)/.exec(url)?.[1] ?? '';
  const blank = host.includes(' ') ? 'invalid character " " in host name' : undefined;
  const control = [...url].some((character) => character < ' ' || character === '\u007f');
  const reason = control ? 'net/url: invalid control character in URL' : blank;
  if (reason !== undefined) throw wrong(`parse ${JSON.stringify(url).replaceAll(/\\u00/g, '\\x')}: ${reason}`);
  const scheme = url.slice(0, url.indexOf(':')).toLowerCase();
  if (!['http', 'https'].includes(scheme))
    throw wrong(`Get ${JSON.stringify(url)}: unsupported protocol scheme "${scheme}"`);
  if (host === '') throw wrong('Get "http:": http: no Host in request URL');
  if (!URL.canParse(url)) throw wrong(`parse ${JSON.stringify(url)}: invalid URL`);
  return url;
}

async function open(url: string, signal: AbortSignal): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(url, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw await unreachable('GET', url, error);
  }
  if (answer.ok && answer.body !== null) return answer;
  const text = (await answer.text()).slice(0, refusalMaxCharacters).trim();
  const kind = answer.status === 404 ? 'not-found' : 'internal';
  throw fail(kind, `failed to GET ${url} with status ${answer.status} ${answer.statusText}: ${text}`);
}

/**
 * Makes an image of a tar from the web (`docker import URL`); yields Docker's progress, the new image's id last. What is wrong
 * before the tar begins is thrown at once; it ends when its reader goes away.
 */
export async function importRemote(
  options: Parameters<typeof importImage>[0],
  request: Omit<ImportRequest, 'body'> & { readonly source: string; readonly signal: AbortSignal },
): Promise<AsyncIterable<ProgressMessage>> {
  const { source, signal } = request;
  const url = sourceUrl(source);
  checkImport(request);
  const own = new AbortController();
  const answer = await open(url, AbortSignal.any([signal, own.signal]));
  const totalBytes = Number(answer.headers.get('content-length') ?? 0);
  return reporting(async (report, abandoned) => {
    abandoned.addEventListener('abort', () => own.abort(fail('cancelled', 'context canceled')), { once: true });
    report({ status: `Downloading from ${url}` });
    const tell = ({ id: _, ...message }: ProgressMessage): void => report(message);
    const meter = createMeter(tell, { id: '', status: 'Importing', totalBytes });
    let current = 0;
    const counted = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        current += chunk.length;
        meter.add(chunk.length);
        controller.enqueue(chunk);
      },
      flush: () => tell(progressMessage('', 'Importing', { current, total: totalBytes })),
    });
    const body = (answer.body ?? new ReadableStream<Uint8Array>()).pipeThrough(counted);
    const message = request.message || `Imported from ${source}`;
    report({ status: await importImage(options, { ...request, body, message }) });
  });
}
