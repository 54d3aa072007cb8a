import type { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import type { Attachment } from '#containers';
import { messageOf } from '#std/errors';
import { log } from '#std/log';
import type { Hijack } from '../exchange.ts';
import type { ByteReader } from './byte-reader.ts';
import type { SocketWriter } from './socket-writer.ts';

/** How long a client may take to read the last bytes and close its side. */
const lingerMs = 2000;
/** How often a client that closed its side is asked whether it is still there. */
const presenceIntervalMs = 1000;

function writable(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      for (const event of ['drain', 'close', 'error']) stream.off(event, done);
      resolve();
    };
    for (const event of ['drain', 'close', 'error']) stream.on(event, done);
  });
}

/** Client to process; the client's half-close ends the input and nothing else. */
async function pumpInput(reader: ByteReader, input: Writable): Promise<void> {
  for (;;) {
    const chunk = await reader.read();
    if (chunk === undefined) break;
    // A process that takes no more input is no reason to stop its output: the bytes are dropped, as Docker does.
    if (input.writable && !input.write(chunk)) await writable(input);
  }
  if (input.writable) input.end();
}

/** Process to client, each piece at once. */
async function pumpOutput(attachment: Attachment, writer: SocketWriter): Promise<void> {
  for await (const chunk of attachment.output) await writer.write(chunk as Uint8Array);
}

/** Half-closes towards the client, and closes when the client has done the same, or soon. */
export async function closeGently(socket: Socket, reader: ByteReader): Promise<void> {
  if (socket.destroyed) return;
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket.end();
  // Unread bytes would turn the close into a reset, which takes the last output with it.
  while ((await reader.read()) !== undefined);
  clearTimeout(timer);
  socket.destroySoon();
}

/** True when the kernel's socket is closed under a stream that has not been told. */
function isGone(socket: Socket): boolean {
  return (socket as unknown as { _handle?: { fd?: number } | null })._handle?.fd === undefined;
}

/**
 * Destroys the socket once its client is gone. A client that closed its side may still read, and after that Bun (1.4) reports
 * no close while nothing is written: an idle container would keep the attachment of a killed client for ever.
 */
function watchPresence(socket: Socket): ReturnType<typeof setInterval> {
  return setInterval(() => {
    if (isGone(socket)) socket.destroy();
  }, presenceIntervalMs);
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
    await closeGently(socket, reader);
    return;
  }
  const vanish = () => attachment.close();
  socket.once('close', vanish);
  if (socket.destroyed) vanish();
  attachment.input.on('error', () => undefined);
  let presence: ReturnType<typeof setInterval> | undefined;
  const input = pumpInput(reader, attachment.input).then(() => {
    presence = watchPresence(socket);
  });
  try {
    await pumpOutput(attachment, writer);
  } catch (error) {
    if (!socket.destroyed) log('warn', 'attached stream broke', { error: messageOf(error) });
  } finally {
    clearInterval(presence);
    socket.off('close', vanish);
    attachment.close();
  }
  // The input pump reads the rest of what the client sends, and ends with the connection.
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket.end();
  await input;
  clearTimeout(timer);
  clearInterval(presence);
  socket.destroySoon();
}
