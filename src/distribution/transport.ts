import { fail } from '#std/errors';
import { unreachable } from './failure.ts';

/** A request to a registry, or to a server that it sent us to. */
export interface Ask {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Opened anew when the request has to be sent again. */
  readonly body?: string | Uint8Array | (() => AsyncIterable<Uint8Array>);
  /** Whether an unknown certificate is good enough. */
  readonly insecure?: boolean;
  /** Where the URL is not the caller's own: that of the server that named it. */
  readonly sentBy?: string;
  /** For how long nothing may come, where it is not as long as usual. */
  readonly idleMs?: number;
  readonly signal: AbortSignal;
}

/** An answer of which the body is not read yet. It has to be read, or discarded. */
export interface Answer {
  readonly status: number;
  readonly statusText: string;
  readonly headers: Headers;
  /** After redirects. */
  readonly url: string;
  /** The body as it comes, neither decompressed nor held. Throws a passing error when it breaks off. */
  body(): AsyncIterable<Uint8Array>;
  /** All of it; throws when it is larger than `limitBytes`. */
  content(limitBytes: number): Promise<Uint8Array>;
  discard(): Promise<void>;
}

/** How the world outside is reached. */
export interface Transport {
  /** Follows redirects of GET and HEAD; to another host credentials do not go along. */
  send(url: string, ask: Ask): Promise<Answer>;
}

export interface Way {
  /** Undefined for none. */
  readonly proxy?: string | undefined;
  readonly tls?: { readonly ca?: string[]; readonly cert?: string; readonly key?: string };
}

const timeoutWords = 'net/http: request canceled (Client.Timeout exceeded while awaiting headers)';
const redirectsMax = 10;
const redirects = [301, 302, 303, 307, 308];

/** Where a cloud tells its machines their secrets, and nothing is that another network's registry may send us to. */
function isLinkLocal({ hostname }: URL): boolean {
  return /^169\.254\.|^\[fe[89ab]|^\[::ffff:a9fe:/.test(hostname);
}

/** Throws where a server names a URL that is none of its business. */
function checkSent(words: string, url: URL, by: string): void {
  if (!isLinkLocal(url) || isLinkLocal(new URL(by))) return;
  throw fail('internal', `${words}: an address of this link alone is not gone to for ${new URL(by).host}: ${url.href}`);
}

/** Aborts when there has been no progress for a while. */
function createWatch(signal: AbortSignal, idleMs: number) {
  const own = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const progress = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => own.abort(new DOMException('no progress', 'TimeoutError')), idleMs);
  };
  progress();
  return {
    signal: AbortSignal.any([signal, own.signal]),
    progress,
    end: () => clearTimeout(timer),
    get timedOut() {
      return own.signal.aborted;
    },
  };
}

type Watch = ReturnType<typeof createWatch>;

async function* watched(source: AsyncIterable<Uint8Array>, watch: Watch): AsyncIterable<Uint8Array> {
  for await (const chunk of source) {
    watch.progress();
    yield chunk;
  }
  watch.progress();
}

/** A request that is on its way. */
interface Attempt {
  readonly method: string;
  readonly url: string;
  readonly proxy: string | undefined;
  readonly watch: Watch;
  readonly signal: AbortSignal;
}

/** Why a request or a body failed: the caller's own abort goes on as it is. */
async function reason(error: unknown, { method, url, proxy, watch, signal }: Attempt): Promise<unknown> {
  if (signal.aborted) return signal.reason;
  return unreachable(method, url, watch.timedOut ? new DOMException(timeoutWords, 'TimeoutError') : error, proxy);
}

function answerOf(response: Response, attempt: Attempt): Answer {
  const { url, watch } = attempt;

  async function* body(): AsyncIterable<Uint8Array> {
    const reader = response.body?.getReader();
    let ended = reader === undefined;
    try {
      while (reader !== undefined) {
        watch.progress();
        const { value, done } = await reader.read();
        if (done) break;
        // Whoever takes the bytes may take long; that is not the registry's fault.
        watch.end();
        yield value;
      }
      ended = true;
    } catch (error) {
      throw await reason(error, attempt);
    } finally {
      watch.end();
      if (!ended) await reader?.cancel().catch(() => undefined);
    }
  }
  async function content(limitBytes: number): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of body()) {
      size += chunk.length;
      if (size > limitBytes) throw fail('internal', `${url}: the answer is larger than ${limitBytes} bytes`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }
  async function discard(): Promise<void> {
    watch.end();
    await response.body?.cancel().catch(() => undefined);
  }
  const { status, statusText, headers } = response;
  return { status, statusText, headers, url, body, content, discard };
}

/** Opens the way out; `wayTo` says by which proxy and with which certificates a URL is reached. */
export function createTransport(options: {
  readonly wayTo: (url: URL) => Way;
  readonly userAgent: string;
  readonly idleMs: () => number;
}): Transport {
  async function sendOnce(url: string, ask: Ask, headers: Readonly<Record<string, string>>): Promise<Answer> {
    const { method = 'GET', body, insecure = false, signal } = ask;
    const way = options.wayTo(new URL(url));
    const watch = createWatch(signal, ask.idleMs ?? options.idleMs());
    const attempt = { method, url, proxy: way.proxy, watch, signal };
    try {
      const init = {
        method,
        headers: { 'User-Agent': options.userAgent, 'Accept-Encoding': 'identity', ...headers },
        ...(body !== undefined && { body: typeof body === 'function' ? watched(body(), watch) : body }),
        redirect: 'manual',
        // A blob's digest is that of its compressed bytes.
        decompress: false,
        signal: watch.signal,
        // Else the environment would decide.
        proxy: way.proxy ?? false,
        timeout: false,
        tls: { ...way.tls, rejectUnauthorized: !insecure },
      };
      const response = await fetch(url, init as unknown as RequestInit);
      return answerOf(response, attempt);
    } catch (error) {
      watch.end();
      throw await reason(error, attempt);
    }
  }

  async function send(url: string, ask: Ask): Promise<Answer> {
    const { method = 'GET' } = ask;
    let place = url;
    let { headers = {}, insecure = false } = ask;
    const wordsOf = (text: string) => `${method.charAt(0)}${method.slice(1).toLowerCase()} ${JSON.stringify(text)}`;
    if (ask.sentBy !== undefined) checkSent(wordsOf(url), new URL(url), ask.sentBy);
    for (let count = 0; ; count += 1) {
      const answer = await sendOnce(place, { ...ask, insecure }, headers);
      const location = answer.headers.get('location');
      if (!redirects.includes(answer.status) || location === null || !['GET', 'HEAD'].includes(method)) return answer;
      await answer.discard();
      const next = URL.canParse(location, place) ? new URL(location, place) : undefined;
      const words = wordsOf(place);
      if (next === undefined || !/^https?:$/.test(next.protocol))
        throw fail('internal', `${words}: a redirect to nowhere: ${location}`);
      checkSent(words, next, place);
      if (count === redirectsMax) throw fail('internal', `${words}: stopped after ${redirectsMax} redirects`);
      if (next.origin !== new URL(place).origin) {
        headers = Object.fromEntries(
          Object.entries(headers).filter(([name]) => name.toLowerCase() !== 'authorization'),
        );
      }
      // That one host may be met without a certificate says nothing of another.
      insecure &&= next.hostname === new URL(place).hostname;
      place = next.href;
    }
  }
  return { send };
}
