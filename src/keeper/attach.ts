import type { Socket } from 'node:net';
import { fail } from '#std/errors';
import { connectTo } from './control.ts';
import { JsonLines } from './lines.ts';
import type { AttachedStream, AttachRequest } from './protocol.ts';

/** Opens a connection of its own for an attached client, and resolves once the keeper has registered it. */
export async function openAttachment(path: string, request: AttachRequest): Promise<AttachedStream> {
  const socket = await connectTo(path);
  socket.write(`${JSON.stringify({ verb: 'attach', request })}\n`);
  await readAnswer(socket);
  // The process has ended: an input that nobody half-closes must not keep the connection, and whoever waits for it.
  socket.once('end', () => socket.destroy());
  return { output: socket, input: socket, close: () => socket.destroy() };
}

/** Takes the answer off the head of the stream and leaves the rest to the stream's reader. */
function readAnswer(socket: Socket): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const lines = new JsonLines();
  const settle = (error?: Error): void => {
    // A listener for `readable`, unlike one for `data` with a pause, leaves the stream as if nobody had read from it.
    socket.off('readable', take);
    socket.off('end', gone);
    socket.off('close', gone);
    socket.off('error', settle);
    // A keeper that dies ends the output; it must not throw in whoever reads it.
    socket.on('error', () => undefined);
    if (error === undefined) resolve();
    else reject(error);
  };
  const gone = (): void => settle(fail('unavailable', 'the keeper is gone'));
  const take = (): void => {
    const bytes = socket.read() as Buffer | null;
    if (bytes === null) return;
    lines.append(bytes);
    const line = lines.next();
    if (line === undefined) return;
    const rest = lines.takeRest();
    if (rest.length > 0) socket.unshift(rest);
    const answer = line?.json as { error?: { message: string } } | undefined;
    settle(answer?.error === undefined ? undefined : fail('not-found', answer.error.message));
  };
  socket.on('readable', take);
  socket.on('end', gone);
  socket.on('close', gone);
  socket.on('error', settle);
  return promise;
}
