import { FrameDecoder } from '#client';
import { writeBytes } from './byte-output.ts';

/** Bytes by pull: a hijacked connection, or the body of an answer. */
export interface ByteSource {
  read(): Promise<Uint8Array | undefined>;
}

/**
 * Writes all that comes to our own output: raw to standard output, or taken apart into output and error. The next read
 * is under way while a piece is written.
 */
export async function pumpOutput(source: ByteSource, multiplexed: boolean): Promise<void> {
  const decoder = multiplexed ? new FrameDecoder() : undefined;
  let next = source.read();
  for (let bytes = await next; bytes; bytes = await next) {
    next = source.read();
    // Its failure is met at the next await; until then it is nobody's.
    next.catch(() => undefined);
    if (!decoder) {
      await writeBytes(1, bytes);
      continue;
    }
    for (const piece of decoder.decode(bytes)) await writeBytes(piece.stream === 'stdout' ? 1 : 2, piece.bytes);
  }
}
