import { kindOf } from '#std/errors';
import type { ApiResponse, Call } from '../exchange.ts';
import { observeDecoding, type Schema } from '../json/schema.ts';
import { Query } from '../query.ts';
import { routes } from '../routes.ts';
import { newestMinor } from '../version.ts';
import { memoryFeatures } from './features.ts';
import { request, textOf } from './raw-client.ts';

export type ParameterKind = 'text' | 'all' | 'flag' | 'integer' | 'extent' | 'time' | 'filters';

/** What a route takes, as it itself asks for it. */
export interface RequestShape {
  readonly method: string;
  readonly pattern: string;
  readonly parameters: ReadonlyMap<string, ParameterKind>;
  /** Of its JSON body; `stream` when it reads bytes, undefined when it reads no body. */
  readonly body: Schema | 'stream' | undefined;
}

/** A query that notes what is asked of it. */
class AskedQuery extends Query {
  readonly asked = new Map<string, ParameterKind>();

  #note<T>(key: string, kind: ParameterKind, value: T): T {
    if (!this.asked.has(key)) this.asked.set(key, kind);
    return value;
  }

  override text(key: string) {
    return this.#note(key, 'text', super.text(key));
  }
  override all(key: string) {
    return this.#note(key, 'all', super.all(key));
  }
  override flag(key: string, missing?: boolean) {
    return this.#note(key, 'flag', super.flag(key, missing));
  }
  override integer(key: string) {
    this.#note(key, 'integer', undefined);
    return super.integer(key);
  }
  override extent(key: string, what: string) {
    this.#note(key, 'extent', undefined);
    return super.extent(key, what);
  }
  override timeNs(key: string) {
    this.#note(key, 'time', undefined);
    return super.timeNs(key);
  }
  override filters(...accepted: Parameters<Query['filters']>) {
    this.#note('filters', 'filters', undefined);
    return super.filters(...accepted);
  }
}

/** Names that are there in the features of memory, by the first part of a route. */
export const knownNames: Readonly<Record<string, string>> = { images: 'busybox', volumes: 'v', networks: 'bridge' };

/** What each query must hold so that a route goes on to ask for the rest. */
const passable = [
  'until=1&h=1&w=1&repo=a&name=aa&stdout=1&fromSrc=-',
  'until=1&h=1&w=1&path=%2F&container=aa',
  'fromImage=a',
];

/** Reads an answer, of a stream only the beginning, and lets go of it. */
export async function readSome({ body, hijack }: ApiResponse): Promise<string> {
  hijack?.abandon();
  if (body === undefined || typeof body === 'string' || body instanceof Uint8Array) return textOf(body);
  let text = '';
  let chunks = 0;
  for await (const chunk of body) {
    text += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('latin1');
    chunks += 1;
    if (chunks === 10) break;
  }
  return text;
}

/** Asks every route what it takes, by calling it with little and looking at what it asks for. */
export async function discoverShapes(): Promise<RequestShape[]> {
  const shapes: RequestShape[] = [];
  for (const [method, pattern] of routes(memoryFeatures())) {
    const parameters = new Map<string, ParameterKind>();
    let body: RequestShape['body'];
    observeDecoding((schema) => {
      body = schema;
    });
    for (const text of passable) {
      const features = memoryFeatures();
      await features.containers.create('aa', { Image: 'busybox' });
      await features.containers.start('aa');
      const endpoint = routes(features).find(([verb, path]) => verb === method && path === pattern)?.[2];
      const abort = new AbortController();
      const query = new AskedQuery(text);
      const sent = request(method, pattern, { body: '{"Image":"busybox"}', signal: abort.signal });
      async function* read(): AsyncGenerator<Uint8Array> {
        body ??= 'stream';
        yield* sent.body;
      }
      const name = knownNames[pattern.split('/')[1] ?? ''] ?? 'aa';
      const call: Call = { ...sent, body: read(), name, query, version: newestMinor };
      try {
        const answer = await endpoint?.(call);
        abort.abort(new Error('enough'));
        if (answer !== undefined) await readSome(answer);
      } catch (error) {
        if (kindOf(error) === 'internal') throw error;
      }
      for (const [key, kind] of query.asked) parameters.set(key, kind);
    }
    shapes.push({ method, pattern, parameters, body });
  }
  observeDecoding(undefined);
  return shapes;
}
