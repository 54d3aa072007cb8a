/** Raw bytes: of a terminal, or of a client that does not know the other type. */
export const rawStream = 'application/vnd.docker.raw-stream';
/** Output framed by an 8-byte header (Engine API, "Stream format"). */
export const multiplexedStream = 'application/vnd.docker.multiplexed-stream';

/** The type that a stream is announced with; clients before API 1.42 know only one. */
export function streamType(terminal: boolean, version: number): string {
  return terminal || version < 42 ? rawStream : multiplexedStream;
}
