import { ftruncateSync, readSync, writeSync } from 'node:fs';
import { check, lastErrno, libc, SystemCallError } from './errno.ts';

const seekData = 3;
const seekHole = 4;
/** Not on one file system, or one that cannot; too old a kernel; files of another kind. */
const otherWays: readonly number[] = [18, 22, 38, 95, 1];
const noMoreData = 6;
const invalid = 22;
/** What fits is read and written, which is two calls. */
const buffer = Buffer.allocUnsafe(256 * 1024);
/** A call is not interrupted by a signal; so much takes well below a second. */
const stepBytes = 64 * 1024 * 1024;
/** Smaller files are not searched for holes. */
const sparseBytes = 64 * 1024;

const library = libc({
  copy_file_range: { args: ['i32', 'buffer', 'i32', 'buffer', 'u64', 'u32'], returns: 'i64' },
  lseek: { args: ['i32', 'i64', 'i32'], returns: 'i64' },
});

function writeAll(to: number, lengthBytes: number, position: number): void {
  for (let written = 0; written < lengthBytes; )
    written += writeSync(to, buffer, written, lengthBytes - written, position + written);
}

/** Copies through our own memory; returns where the file ended. */
function copyByReading(from: number, to: number, start: number, end: number): number {
  let position = start;
  while (position < end) {
    const count = readSync(from, buffer, 0, Math.min(buffer.length, end - position), position);
    if (count === 0) break;
    writeAll(to, count, position);
    position += count;
  }
  return position;
}

const offsets = [new BigInt64Array(1), new BigInt64Array(1)] as const;
const offsetBytes = offsets.map(({ buffer: memory }) => Buffer.from(memory));

function copyRange(from: number, to: number, start: number, end: number, onBytes: (bytes: number) => void): void {
  let position = start;
  while (position < end) {
    const wanted = BigInt(Math.min(stepBytes, end - position));
    offsets[0][0] = offsets[1][0] = BigInt(position);
    const [source = buffer, target = buffer] = offsetBytes;
    const count = Number(library().copy_file_range(from, source, to, target, wanted, 0));
    if (count < 0) {
      const errno = lastErrno();
      if (!otherWays.includes(errno)) throw new SystemCallError('copy_file_range', errno);
      copyByReading(from, to, position, end);
      return;
    }
    if (count === 0) return;
    position += count;
    onBytes(count);
  }
}

/** The next run of data at or after a place: where it begins and ends. Undefined when there is none. */
function nextData(from: number, position: number, sizeBytes: number): { start: number; end: number } | undefined {
  const start = Number(library().lseek(from, BigInt(position), seekData));
  if (start < 0) {
    const errno = lastErrno();
    if (errno === noMoreData) return undefined;
    if (errno === invalid) return { start: position, end: sizeBytes };
    throw new SystemCallError('lseek', errno);
  }
  return { start, end: check('lseek', library().lseek(from, BigInt(start), seekHole)) };
}

/**
 * Copies all of an open file into an empty one, holes as holes, by the file system's own means where it has them. `onBytes` is told
 * in between how much was copied, and may throw.
 */
export function copyContents(
  from: number,
  to: number,
  sizeBytes: number,
  onBytes: (bytes: number) => void = () => undefined,
): void {
  if (sizeBytes <= sparseBytes) {
    copyByReading(from, to, 0, sizeBytes);
    return;
  }
  let end = 0;
  for (let run = nextData(from, 0, sizeBytes); run !== undefined; run = nextData(from, end, sizeBytes)) {
    ({ end } = run);
    copyRange(from, to, run.start, Math.min(run.end, sizeBytes), onBytes);
    if (end >= sizeBytes) break;
  }
  if (end < sizeBytes) ftruncateSync(to, sizeBytes);
}

const other = Buffer.allocUnsafe(buffer.length);

/** Whether two open files hold the same bytes. */
export function isSameContent(one: number, another: number): boolean {
  for (let offset = 0; ; ) {
    const count = readSync(one, buffer, 0, buffer.length, offset);
    if (readSync(another, other, 0, buffer.length, offset) !== count) return false;
    if (count === 0) return true;
    if (buffer.compare(other, 0, count, 0, count) !== 0) return false;
    offset += count;
  }
}
