import type { Socket } from 'node:net';

const intervalMs = 1000;
const watched = new Set<Socket>();
let timer: ReturnType<typeof setInterval> | undefined;

/** True when the kernel's socket is closed under a stream that has not been told. */
function isGone(socket: Socket): boolean {
  return (socket as unknown as { _handle?: { fd?: number } | null })._handle?.fd === undefined;
}

/** Destroys those of the watched sockets whose client is gone. */
export function checkPresence(): void {
  for (const socket of watched) if (isGone(socket)) socket.destroy();
}

/**
 * Has the socket destroyed soon after its client is gone. A client that closed its side may still read, and after that Bun
 * (1.4) reports no close while nothing is written: an idle container would keep the attachment of a killed client for ever.
 * Returns what ends the watch. One timer serves all.
 */
export function watchPresence(socket: Socket): () => void {
  watched.add(socket);
  timer ??= setInterval(checkPresence, intervalMs);
  return () => {
    watched.delete(socket);
    if (watched.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}
