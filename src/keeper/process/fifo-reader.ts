import { copyPipe, makePipe, readDescriptor, setPipeSize } from '#linux/fifo';
import { lazy } from '#std/lazy';

/** The most that is looked at in one go. */
export const peekBytes = 256 * 1024;
/** What a busy FIFO is enlarged to. */
export const hotPipeBytes = 1024 * 1024;

/** The scratch pipe must have room for as many pieces as any FIFO, for a peek sees only so many. */
const scratchPipeBytes = hotPipeBytes;

/** One scratch pipe and one buffer serve all FIFOs: they are filled and used within one synchronous step. */
const scratch = lazy(() => {
  const pipe = makePipe();
  setPipeSize(pipe.writeEnd, scratchPipeBytes);
  return { ...pipe, buffer: Buffer.allocUnsafeSlow(peekBytes) };
});

/**
 * Shows what is at the head of a FIFO without consuming it: the bytes stay with the kernel until they are safe in the
 * log. The view is good until the next call for any FIFO.
 */
export function peekFifo(descriptor: number): Uint8Array {
  const { readEnd, writeEnd, buffer } = scratch();
  const copied = copyPipe(descriptor, writeEnd, peekBytes) ?? 0;
  let length = 0;
  while (length < copied) {
    const count = readDescriptor(readEnd, buffer.subarray(length), copied - length);
    if (count === undefined || count === 0) break;
    length += count;
  }
  return buffer.subarray(0, length);
}

/** Reads what is at the head of a FIFO; the view is good until the next call for any FIFO. */
export function takeFifo(descriptor: number): Uint8Array {
  const { buffer } = scratch();
  return buffer.subarray(0, readDescriptor(descriptor, buffer, peekBytes) ?? 0);
}

/** Consumes `count` bytes that were seen by `peekFifo`. */
export function consumeFifo(descriptor: number, count: number): void {
  const { buffer } = scratch();
  let left = count;
  while (left > 0) {
    const taken = readDescriptor(descriptor, buffer, Math.min(left, peekBytes));
    if (taken === undefined || taken === 0) return;
    left -= taken;
  }
}
