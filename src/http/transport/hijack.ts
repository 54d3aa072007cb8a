import type { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import type { Attachment } from '#containers';
import { messageOf } from '#std/errors';
import { log } from '#std/log';
import type { Hijack } from '../exchange.ts';
import type { ByteReader } from './byte-reader.ts';
import { type HijackedSocket, openHijackedSocket } from './hijacked-socket.ts';
import { watchPresence } from './presence.ts';
import type { SocketWriter } from './socket-writer.ts';

/** How long a client may take to read the last bytes and close its side. */
const lingerMs = 2000;

function writable(stream: Writable, over: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      for (const event of ['drain', 'close', 'error']) stream.off(event, done);
      over.removeEventListener('abort', done);
      resolve();
    };
    for (const event of ['drain', 'close', 'error']) stream.on(event, done);
    over.addEventListener('abort', done);
  });
}

/** Client to process, until `over`; the client's half-close ends the input and nothing else. */
async function pumpInput(reader: ByteReader, input: Writable, over: AbortSignal): Promise<void> {
  // A process that takes no more input is no reason to stop its output: the bytes are dropped, as Docker does.
  const pass = async (chunk: Uint8Array): Promise<void> => {
    if (!over.aborted && input.writable && !input.write(chunk)) await writable(input, over);
  };
  for (let chunk = await reader.read(); chunk !== undefined; chunk = await reader.read()) await pass(chunk);
  if (input.writable) input.end();
}

/** Process to client, each piece at once. */
async function pumpOutput(attachment: Attachment, writer: HijackedSocket): Promise<void> {
  for await (const chunk of attachment.output) await writer.write(chunk as Uint8Array);
}

/** A detach, or an engine that stops, closes the output without an end of file. */
function isPrematureClose(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE';
}

/** Half-closes towards the client once it has taken all, and closes when the client has done the same, or soon. */
export async function closeGently(socket: Socket, reader: ByteReader, writer: SocketWriter): Promise<void> {
  await writer.flush();
  if (socket.destroyed) return;
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket.end();
  // Unread bytes would turn the close into a reset, which takes the last output with it.
  while ((await reader.read()) !== undefined);
  clearTimeout(timer);
  socket.destroySoon();
}

/**
 * Serves a hijacked connection to its end: raw bytes both ways with back-pressure. The end of the process's output closes the
 * connection; a client that vanishes closes the attachment. Never rejects.
 */
export async function serveHijack(
  socket: Socket,
  reader: ByteReader,
  writer: SocketWriter,
  hijack: Hijack,
): Promise<void> {
  let attachment: Attachment;
  try {
    attachment = await hijack.connect();
  } catch (error) {
    await writer.write(hijack.explain(error)).catch(() => undefined);
    await closeGently(socket, reader, writer);
    return;
  }
  const vanish = () => attachment.close();
  socket.once('close', vanish);
  if (socket.destroyed) vanish();
  attachment.input.on('error', () => undefined);
  const endWatch = watchPresence(socket);
  const over = new AbortController();
  using client = await openHijackedSocket(socket, writer);
  const input = pumpInput(reader, attachment.input, over.signal);
  try {
    await pumpOutput(attachment, client);
  } catch (error) {
    if (!socket.destroyed && !isPrematureClose(error))
      log('warn', 'attached stream broke', { error: messageOf(error) });
  } finally {
    socket.off('close', vanish);
    attachment.close();
    over.abort();
  }
  // The input pump now drops what the client still sends, and ends with the connection.
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  await client.end();
  await input;
  clearTimeout(timer);
  endWatch();
  socket.destroySoon();
}
