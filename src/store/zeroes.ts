/** Zeroes that are not written: what came in a few bytes may hold more of them than there is disk. */
const zeroes = Buffer.alloc(1024 * 1024);
const holeMinBytes = 4096;

/** Whether a piece of a file is better left out as a hole. */
export function isHole(chunk: Uint8Array): boolean {
  const { length } = chunk;
  if (length < holeMinBytes || length > zeroes.length || chunk[0] !== 0) return false;
  return zeroes.compare(chunk, 0, length, 0, length) === 0;
}
