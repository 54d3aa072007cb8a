/** The parameters of a query; undefined and false are left out, true is `1`, an array repeats the name. */
export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

export interface EngineRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  /** Without the version prefix: `/containers/json`. */
  readonly path: string;
  readonly query?: Query | undefined;
  /** A header with several values is sent as often. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** An object is sent as JSON, bytes as they are, a stream with the chunked coding. */
  readonly body?: object | Uint8Array | AsyncIterable<Uint8Array> | undefined;
  /** Aborts the request and its answer, also while the body is read. */
  readonly signal?: AbortSignal | undefined;
}

/** A segment of a path. Slashes stay: image names have them, and the engine's routes expect them so. */
export function segment(name: string): string {
  return encodeURIComponent(name).replaceAll('%2F', '/').replaceAll('%3A', ':').replaceAll('%40', '@');
}

/** Filters as list, prune and events endpoints take them, undefined when there are none. */
export function filtersQuery(filters: ReadonlyMap<string, readonly string[]> | undefined): string | undefined {
  return filters && filters.size > 0 ? JSON.stringify(Object.fromEntries(filters)) : undefined;
}

/** Path and query of a request line. */
export function requestTarget(path: string, query: Query = {}): string {
  const parts: string[] = [];
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || value === false) continue;
    const values = Array.isArray(value) ? value : [value === true ? '1' : String(value)];
    for (const item of values) parts.push(`${encodeURIComponent(name)}=${encodeURIComponent(item)}`);
  }
  return parts.length === 0 ? path : `${path}?${parts.join('&')}`;
}

/** The body as it goes out, and the headers that belong to it. */
export function encodeBody(body: EngineRequest['body']): {
  bytes?: Uint8Array;
  stream?: AsyncIterable<Uint8Array>;
  headers: Record<string, string>;
} {
  if (body === undefined) return { headers: { 'Content-Length': '0' } };
  if (body instanceof Uint8Array) return { bytes: body, headers: { 'Content-Length': String(body.length) } };
  if (Symbol.asyncIterator in body) return { stream: body, headers: { 'Transfer-Encoding': 'chunked' } };
  const bytes = Buffer.from(JSON.stringify(body));
  return { bytes, headers: { 'Content-Type': 'application/json', 'Content-Length': String(bytes.length) } };
}
