import type { Attachment } from '#containers';
import { errorKinds, kindOf, messageOf } from '#std/errors';
import type { ApiResponse, Call } from './exchange.ts';
import { rawStream, streamType } from './stream-type.ts';

const stdoutStream = 1;

/** A frame of the multiplexed stream: stream number, three zeroes, length (Engine API, "Stream format"). */
function frame(text: string): Uint8Array {
  const payload = Buffer.from(text);
  const head = Buffer.alloc(8);
  head[0] = stdoutStream;
  head.writeUInt32BE(payload.byteLength, 4);
  return Buffer.concat([head, payload]);
}

/** The answer that takes the connection over: 101 when the client asked to upgrade, else a plain 200. */
export function hijackResponse(
  call: Call,
  terminal: boolean,
  { connect, abandon }: { connect: () => Promise<Attachment>; abandon: () => void },
  headers: Readonly<Record<string, string>> = {},
): ApiResponse {
  const hijack = {
    connect,
    abandon,
    explain: (error: unknown) => {
      const text = `${messageOf(error)}\r\n`;
      return terminal ? Buffer.from(text) : frame(text);
    },
  };
  if (!call.headers.has('upgrade')) {
    return { status: 200, headers: { 'Content-Type': rawStream, ...headers }, hijack };
  }
  return {
    status: 101,
    statusText: 'UPGRADED',
    headers: {
      'Content-Type': streamType(terminal, call.version),
      Connection: 'Upgrade',
      Upgrade: 'tcp',
      ...headers,
    },
    hijack,
  };
}

/** How Docker refuses an attach: on the connection already taken over, as plain text. */
export function hijackRefusal(error: unknown): ApiResponse {
  return {
    status: errorKinds[kindOf(error)].status,
    headers: { 'Content-Type': rawStream, Connection: 'close' },
    body: `${messageOf(error)}\r\n`,
  };
}
