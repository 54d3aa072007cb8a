/** So long the thread is kept before others may use it. */
const turnMs = 4;

/** The same pieces, with pauses in which others may use the thread. */
export async function* inTurns(pieces: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let turnBeganMs = performance.now();
  for (const chunk of pieces) {
    yield chunk;
    if (performance.now() - turnBeganMs < turnMs) continue;
    await new Promise((resolve) => setImmediate(resolve));
    turnBeganMs = performance.now();
  }
}
