import { STATUS_CODES } from 'node:http';
import type { ApiResponse } from '../exchange.ts';
import type { RequestHead } from './head.ts';
import type { SocketWriter } from './socket-writer.ts';

let dateSecond = 0;
let dateText = '';

function date(): string {
  const second = Math.trunc(Date.now() / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateText = new Date(second * 1000).toUTCString();
  }
  return dateText;
}

/** The status line and headers of an answer; names and values come from this code base, never from a request. */
export function encodeHead(response: ApiResponse, extra: string): string {
  const words = response.statusText ?? STATUS_CODES[response.status] ?? 'Client Closed Request';
  let head = `HTTP/1.1 ${response.status} ${words}\r\n`;
  for (const name in response.headers) head += `${name}: ${response.headers[name]}\r\n`;
  return `${head}${extra}\r\n`;
}

function encodeChunk(chunk: Uint8Array | string): Buffer {
  const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
  const size = Buffer.from(`${bytes.byteLength.toString(16)}\r\n`, 'latin1');
  return Buffer.concat([size, bytes, Buffer.from('\r\n')]);
}

async function writeStream(
  writer: SocketWriter,
  body: AsyncIterable<Uint8Array | string>,
  chunked: boolean,
): Promise<void> {
  for await (const chunk of body) {
    if (chunk.length > 0) await writer.write(chunked ? encodeChunk(chunk) : chunk);
  }
  if (chunked) await writer.write('0\r\n\r\n');
}

/** The length of a body that is not sent, as Docker tells it: to HEAD the length of an error, else nothing or none. */
function lengthHeader(request: RequestHead, { status, body }: ApiResponse): string {
  if (status === 204 || status === 304 || (request.method === 'HEAD' && body === undefined)) return '';
  return `Content-Length: ${typeof body === 'string' && status >= 400 ? Buffer.byteLength(body) : 0}\r\n`;
}

/**
 * Writes an answer that does not hijack. A streamed body goes out chunked (to an HTTP/1.0 client: until the connection ends),
 * its head at once. Returns whether the connection may serve another request; rejects when the client is gone or the body
 * broke, and then the connection must close, since its end would lie.
 */
export async function writeResponse(
  writer: SocketWriter,
  request: RequestHead,
  response: ApiResponse,
  keepAlive: boolean,
): Promise<boolean> {
  const { body } = response;
  const stays = keepAlive && response.headers.Connection !== 'close';
  const closing = stays || response.headers.Connection !== undefined ? '' : 'Connection: close\r\n';
  const common = `Date: ${date()}\r\n${closing}`;
  if (body === undefined || request.method === 'HEAD') {
    const length = lengthHeader(request, response);
    await writer.write(encodeHead(response, common + length));
    return stays;
  }
  if (typeof body === 'string' || body instanceof Uint8Array) {
    const head = encodeHead(response, `${common}Content-Length: ${Buffer.byteLength(body)}\r\n`);
    await writer.write(typeof body === 'string' ? head + body : Buffer.concat([Buffer.from(head), body]));
    return stays;
  }
  const chunked = request.minorVersion === 1;
  const head = encodeHead(response, common + (chunked ? 'Transfer-Encoding: chunked\r\n' : ''));
  try {
    await writer.write(head);
  } catch (error) {
    // The body was opened and will not be read: let it go.
    await body[Symbol.asyncIterator]().return?.();
    throw error;
  }
  await writeStream(writer, body, chunked);
  return stays && chunked;
}
