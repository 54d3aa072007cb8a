/** The head of an HTTP/1.1 request (RFC 9112), strictly parsed: what is ambiguous is refused. */
export interface RequestHead {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly minorVersion: 0 | 1;
  /** By lower-case name; repeated ones joined by a comma. */
  readonly headers: ReadonlyMap<string, string>;
  readonly framing: { readonly kind: 'none' | 'chunked' } | { readonly kind: 'length'; readonly bytes: number };
  readonly keepAlive: boolean;
}

/** A request that cannot be understood; the connection closes after the answer. */
export class MalformedRequest extends Error {
  override readonly name = 'MalformedRequest';
  constructor(
    message: string,
    readonly status: 400 | 431 | 501 = 400,
  ) {
    super(message);
  }
}

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const requestLine = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([\x21-\x7e\x80-\xff]+) HTTP\/1\.([01])$/;
/** Headers that must not be repeated with another value: two readers would see two requests. */
const singular = new Set(['content-length', 'transfer-encoding', 'host', 'content-type']);

function parseHeaders(lines: readonly string[]): Map<string, string> {
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(colon, 0));
    if (!token.test(name)) throw new MalformedRequest('malformed header');
    const value = line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '');
    if (/[^\t\x20-\x7e\x80-\xff]/.test(value)) throw new MalformedRequest('malformed header value');
    const key = name.toLowerCase();
    const earlier = headers.get(key);
    if (earlier !== undefined && singular.has(key) && earlier !== value) {
      throw new MalformedRequest(`repeated ${name} header`);
    }
    headers.set(key, earlier === undefined || singular.has(key) ? value : `${earlier}, ${value}`);
  }
  return headers;
}

function framingOf(headers: ReadonlyMap<string, string>): RequestHead['framing'] {
  const encoding = headers.get('transfer-encoding');
  const length = headers.get('content-length');
  if (encoding !== undefined) {
    if (length !== undefined) throw new MalformedRequest('both Content-Length and Transfer-Encoding');
    if (encoding.toLowerCase() !== 'chunked') throw new MalformedRequest('unsupported transfer encoding', 501);
    return { kind: 'chunked' };
  }
  if (length === undefined) return { kind: 'none' };
  if (!/^\d{1,15}$/.test(length)) throw new MalformedRequest('bad Content-Length');
  return Number(length) === 0 ? { kind: 'none' } : { kind: 'length', bytes: Number(length) };
}

function originForm(target: string): string {
  if (target.startsWith('/')) return target;
  const absolute = /^https?:\/\/[^/?#]*(\/.*)?$/i.exec(target);
  if (absolute === null) throw new MalformedRequest('malformed request target');
  return absolute[1] ?? '/';
}

/** True when a comma-separated header holds the word. */
export function holdsWord(header: string | undefined, word: string): boolean {
  return header?.split(',').some((item) => item.trim().toLowerCase() === word) ?? false;
}

/** Parses a head without its final empty line, as latin-1 text. Throws `MalformedRequest`. */
export function parseHead(text: string): RequestHead {
  const [first = '', ...lines] = text.split('\r\n');
  const match = requestLine.exec(first);
  if (match === null) throw new MalformedRequest('malformed request line');
  const minorVersion = match[3] === '0' ? 0 : 1;
  const headers = parseHeaders(lines);
  if (minorVersion === 1 && !headers.has('host')) throw new MalformedRequest('missing required Host header');
  const connection = headers.get('connection');
  return {
    method: match[1] ?? '',
    target: originForm(match[2] ?? ''),
    minorVersion,
    headers,
    framing: framingOf(headers),
    keepAlive: minorVersion === 1 ? !holdsWord(connection, 'close') : false,
  };
}
