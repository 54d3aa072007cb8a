import { createHash } from 'node:crypto';
import type { Containers } from '#containers';
import { fail } from '#std/errors';
import type { Call, Endpoint } from '../exchange.ts';
import { overWebSocket } from '../websocket/attachment.ts';
import { opcodes } from '../websocket/frames.ts';
import { attachOptions } from './attach.ts';

/** RFC 6455, section 1.3. */
const acceptSuffix = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const keyBytes = 16;

/** The headers of the answer to a handshake; throws in the words of Docker's library. Any origin is welcome, as it is there. */
function acceptHandshake({ headers }: Call): Record<string, string> {
  const holds = (name: string, word: string): boolean =>
    (headers.get(name) ?? '').split(',').some((part) => part.trim().toLowerCase() === word);
  if (!holds('upgrade', 'websocket') || !holds('connection', 'upgrade'))
    throw fail('invalid-argument', 'not websocket protocol');
  if (headers.get('sec-websocket-version') !== '13') throw fail('invalid-argument', 'missing or bad WebSocket Version');
  const key = headers.get('sec-websocket-key') ?? '';
  if (Buffer.from(key, 'base64').length !== keyBytes) throw fail('invalid-argument', 'mismatch challenge/response');
  const protocol = headers.get('sec-websocket-protocol');
  if (protocol?.includes(',')) throw fail('invalid-argument', 'missing or bad WebSocket protocol');
  return {
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Accept': createHash('sha1')
      .update(key + acceptSuffix)
      .digest('base64'),
    ...(protocol !== undefined && { 'Sec-WebSocket-Protocol': protocol }),
  };
}

/** `GET /containers/{name}/attach/ws`: raw output in binary frames, both streams in one. */
export function attachOverWebSocket(containers: Pick<Containers, 'attach'>): Endpoint {
  return async (call) => {
    const headers = acceptHandshake(call);
    // Before API 1.42 nothing could be left out.
    const streams = call.version < 42 ? { stdin: true, stdout: true, stderr: true } : {};
    const attachment = await containers.attach(call.name, { ...attachOptions(call), ...streams, raw: true });
    const framed = overWebSocket(attachment, call.version < 28 ? opcodes.text : opcodes.binary);
    return {
      status: 101,
      headers,
      hijack: { connect: async () => framed, abandon: () => framed.close(), explain: () => new Uint8Array() },
    };
  };
}
