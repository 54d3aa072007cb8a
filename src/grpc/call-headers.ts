import { failCall, GrpcError, statusCodes } from './failure.ts';
import type { Header } from './http2/hpack.ts';
import { status } from './status.ts';
import type { CallOptions, Metadata } from './types.ts';

const contentType: Header = ['content-type', 'application/grpc'];
const reserved = /^(?:grpc-.*|content-type|te|user-agent|host|connection)$/;

/** The value of a header that may come once. */
export function headerOf(headers: readonly Header[], name: string): string | undefined {
  return headers.find((header) => header[0] === name)?.[1];
}

/** What of the headers is the caller's own. */
export function metadataOf(headers: readonly Header[]): Metadata {
  const found = new Map<string, string[]>();
  for (const [name, value] of headers) {
    if (name.startsWith(':') || reserved.test(name)) continue;
    const values = found.get(name);
    if (values === undefined) found.set(name, [value]);
    else values.push(value);
  }
  return found;
}

const unitsMs: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };
const longestTimeoutMs = 2 ** 31 - 1;

/** `grpc-timeout` in milliseconds; undefined for none. Throws `invalid-argument` when it is no time. */
export function timeoutOf(headers: readonly Header[]): number | undefined {
  const text = headerOf(headers, 'grpc-timeout');
  if (text === undefined) return undefined;
  const parts = /^(\d{1,8})([HMSmun])$/.exec(text);
  if (parts === null) throw failCall('invalid-argument', `malformed grpc-timeout ${text}`);
  return Math.min(Number(parts[1]) * (unitsMs[parts[2] ?? ''] ?? 0), longestTimeoutMs);
}

/** The headers that open a call. */
export function requestHeaders(path: string, { metadata = {}, timeoutMs }: CallOptions): Header[] {
  const own = Object.entries(metadata).flatMap(([name, values]): Header[] => {
    if (typeof values === 'string') return [[name.toLowerCase(), values]];
    return values.map((value): Header => [name.toLowerCase(), value]);
  });
  return [
    [':method', 'POST'],
    [':scheme', 'http'],
    [':path', path],
    [':authority', 'localhost'],
    contentType,
    ['te', 'trailers'],
    ['user-agent', 'estiba'],
    ...(timeoutMs === undefined ? [] : [['grpc-timeout', `${Math.ceil(timeoutMs)}m`] satisfies Header]),
    ...own,
  ];
}

export const responseHeaders: readonly Header[] = [[':status', '200'], contentType];

/** Text as `grpc-message` has it: what is not printable ASCII, and `%`, as bytes in hexadecimal. */
function percentEncoded(text: string): string {
  let encoded = '';
  for (const byte of Buffer.from(text)) {
    const plain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    encoded += plain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}

function percentDecoded(text: string): string {
  const bytes = text.replace(/%([0-9a-f]{2})/gi, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
  return Buffer.from(bytes, 'latin1').toString();
}

/** Of a message that would fill the other side's headers the beginning has to do. */
const longestMessage = 64 * 1024;

/** The trailers that end a call: with what went wrong, if anything. */
export function trailersOf(error: GrpcError | undefined): Header[] {
  if (error === undefined) return [['grpc-status', '0']];
  const { code, details } = error;
  const message = error.message.slice(0, longestMessage);
  const trailers: Header[] = [
    ['grpc-status', String(code)],
    ['grpc-message', percentEncoded(message)],
  ];
  if (details.length > 0) {
    const encoded = status.encode({ code, message, details });
    trailers.push(['grpc-status-details-bin', Buffer.from(encoded).toString('base64').replace(/=+$/, '')]);
  }
  return trailers;
}

/** What the trailers say went wrong; undefined when nothing did. */
export function errorOf(trailers: readonly Header[]): GrpcError | undefined {
  const text = headerOf(trailers, 'grpc-status');
  if (text === undefined) {
    const httpStatus = headerOf(trailers, ':status') ?? '200';
    if (httpStatus !== '200')
      return failCall('unknown', `unexpected HTTP status code received from server: ${httpStatus}`);
    return failCall('internal', 'server closed the stream without sending trailers');
  }
  const code = Number(text);
  if (code === statusCodes.ok) return undefined;
  const message = percentDecoded(headerOf(trailers, 'grpc-message') ?? '');
  return new GrpcError(Number.isInteger(code) ? code : statusCodes.unknown, message, detailsOf(trailers));
}

function detailsOf(trailers: readonly Header[]): GrpcError['details'] {
  const encoded = headerOf(trailers, 'grpc-status-details-bin');
  if (encoded === undefined) return [];
  try {
    return status.decode(Buffer.from(encoded, 'base64')).details;
  } catch {
    // What went wrong is said without them too.
    return [];
  }
}
