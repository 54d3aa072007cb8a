import { fail } from '#std/errors';
import type { Connection } from './connection.ts';

export interface ResponseHead {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
}

const headLimitBytes = 256 * 1024;
const headEnd = Buffer.from('\r\n\r\n');

/** Reads a status line and headers (RFC 9112, sections 4 and 5), passing over informational answers other than 101. */
export async function readResponseHead(connection: Connection): Promise<ResponseHead> {
  let buffer: Buffer = Buffer.alloc(0);
  for (;;) {
    const end = buffer.indexOf(headEnd);
    if (end >= 0) {
      const head = parseHead(buffer.toString('latin1', 0, end));
      buffer = buffer.subarray(end + headEnd.length);
      if (head.status >= 200 || head.status === 101) {
        connection.unread(buffer);
        return head;
      }
      continue;
    }
    const bytes = await connection.read();
    if (!bytes) throw fail('unavailable', 'the engine closed the connection before it answered');
    buffer = Buffer.concat([buffer, bytes]);
    if (buffer.length > headLimitBytes && buffer.indexOf(headEnd) < 0) {
      throw fail('internal', 'the engine answered with headers without end');
    }
  }
}

function parseHead(text: string): ResponseHead {
  const [statusLine = '', ...lines] = text.split('\r\n');
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(statusLine)?.[1];
  if (status === undefined) throw fail('internal', `the engine does not speak HTTP: ${statusLine.slice(0, 80)}`);
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon > 0) headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return { status: Number(status), headers };
}
