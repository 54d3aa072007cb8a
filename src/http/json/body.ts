import { fail } from '#std/errors';
import type { Call } from '../exchange.ts';
import { jsonFault } from './syntax.ts';

/** Bytes that a JSON body may have; the largest that real clients send is some hundred KiB. */
const maximumBodyBytes = 4 * 1024 * 1024;

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const mediaType = new RegExp(`^(${token})(?:/(${token}))?(.*)$`, 's');
const parameters = new RegExp(`^(?:\\s*;\\s*(?:${token}=(?:${token}|"(?:[^"\\\\]|\\\\.)*"))?)*\\s*$`, 's');

/** Why a Content-Type cannot be read, in the words of Go's mime package; else its media type. */
function parseMediaType(header: string): { type: string } | { fault: string } {
  const text = header.trim();
  const match = mediaType.exec(text);
  if (match === null) return { fault: text.startsWith('/') ? 'mime: expected token' : 'mime: no media type' };
  const [, type = '', subtype, rest = ''] = match;
  if (subtype === undefined && rest.startsWith('/')) return { fault: 'mime: expected token after slash' };
  if (rest !== '' && !/^\s*;/.test(rest)) {
    return subtype === undefined
      ? { fault: 'mime: expected slash after first token' }
      : { fault: 'mime: unexpected content after media subtype' };
  }
  if (!parameters.test(rest)) return { fault: 'mime: invalid media parameter' };
  return { type: (subtype === undefined ? type : `${type}/${subtype}`).toLowerCase() };
}

function checkContentType(header: string): void {
  const parsed = parseMediaType(header);
  if ('fault' in parsed) {
    throw fail('invalid-argument', `malformed Content-Type header (${header}): ${parsed.fault}`);
  }
  if (parsed.type !== 'application/json') {
    throw fail('invalid-argument', `unsupported Content-Type header (${header}): must be 'application/json'`);
  }
}

async function readText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > maximumBodyBytes) throw fail('invalid-argument', 'http: request body too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const fault = jsonFault(text) ?? 'exceeded max depth';
    if (fault === 'content after value') throw fail('invalid-argument', 'unexpected content after JSON');
    throw fail('invalid-argument', `invalid JSON: ${fault}`);
  }
}

/** True when the head announces a body. */
export function hasBody(call: Pick<Call, 'headers'>): boolean {
  const length = call.headers.get('content-length');
  return (length !== undefined && Number(length) > 0) || call.headers.has('transfer-encoding');
}

/**
 * The JSON body of a request, parsed; undefined when there is none. Throws `invalid-argument` in Docker's words for a wrong
 * content type, bad JSON, or more than one value.
 */
export async function readJson(call: Call): Promise<unknown> {
  if (!hasBody(call)) return undefined;
  checkContentType(call.headers.get('content-type') ?? '');
  const text = await readText(call.body);
  return text.trim() === '' ? undefined : parse(text);
}
