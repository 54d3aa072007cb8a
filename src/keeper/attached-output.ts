import type { Socket } from 'node:net';
import { Readable } from 'node:stream';

/** What is held for a reader that is slower than the process. */
const heldBytes = 64 * 1024;
/**
 * The same once we have ended our half. A connection that both have ended counts as hung up, and is closed with all that has
 * not been read from it: while reading is paused, that is the process's last output.
 */
const heldToTheEndBytes = 8 * 1024 * 1024;

/** What a process writes, from its connection; ends with it, and breaks off when that is closed without an end. */
export function attachedOutput(socket: Socket): Readable {
  const queue: Uint8Array[] = [];
  let queuedBytes = 0;
  let isWanted = false;
  let hasEnded = false;
  const limitBytes = (): number => (socket.writableEnded ? heldToTheEndBytes : heldBytes);

  function pass(): void {
    while (isWanted) {
      const chunk = queue.shift();
      if (chunk === undefined) break;
      queuedBytes -= chunk.length;
      isWanted = output.push(chunk);
    }
    if (hasEnded && queue.length === 0) output.push(null);
    else if (queuedBytes < limitBytes()) socket.resume();
  }

  const output = new Readable({
    highWaterMark: heldBytes,
    read() {
      isWanted = true;
      pass();
    },
    destroy(error, done) {
      socket.destroy();
      done(error);
    },
  });
  socket.on('data', (chunk: Uint8Array) => {
    queue.push(chunk);
    queuedBytes += chunk.length;
    if (queuedBytes >= limitBytes()) socket.pause();
    if (isWanted) pass();
  });
  // From then on more is taken at once.
  socket.once('finish', () => socket.resume());
  socket.once('end', () => {
    hasEnded = true;
    if (queue.length === 0) output.push(null);
  });
  socket.once('close', () => {
    if (!hasEnded) output.destroy();
  });
  return output;
}
