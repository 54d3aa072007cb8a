import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';
import { constants, crc32, deflateRaw, deflateRawSync, type ZlibOptions } from 'node:zlib';

const pieceBytes = 256 * 1024;
/** So many pieces are compressed at once: enough to keep the processors busy while results are taken. */
const atOnce = Math.min(8, availableParallelism() + 2);

const deflate = promisify<Uint8Array, ZlibOptions, Buffer>(deflateRaw);

/** No name, no time, fastest level, Unix (RFC 1952, section 2.3). */
const header = Uint8Array.of(0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 4, 3);
/** A last block with nothing in it (RFC 1951, section 3.2.6). */
const lastBlock = Uint8Array.of(0x03, 0x00);

const sampleBytes = 4096;
const samples = 4;

/** Whether deflate would only cost time: the fastest level makes such data larger than it is. */
function isDense(piece: Uint8Array): boolean {
  let compressed = 0;
  for (let index = 0; index < samples; index++) {
    const offset = Math.floor((index * piece.length) / samples);
    const sample = piece.subarray(offset, offset + sampleBytes);
    compressed += deflateRawSync(sample, { level: constants.Z_BEST_SPEED }).length / sample.length;
  }
  return compressed / samples > 0.97;
}

const storedHeaderBytes = 5;
const storedMaxBytes = 65_535;

/** A piece as it is, in stored blocks (RFC 1951, section 3.2.4). */
function store(piece: Uint8Array): Buffer {
  const blocks = Math.ceil(piece.length / storedMaxBytes);
  const result = Buffer.allocUnsafeSlow(piece.length + blocks * storedHeaderBytes);
  let written = 0;
  for (let offset = 0; offset < piece.length; offset += storedMaxBytes) {
    const block = piece.subarray(offset, offset + storedMaxBytes);
    result[written] = 0;
    result.writeUInt16LE(block.length, written + 1);
    result.writeUInt16LE(~block.length & 0xffff, written + 3);
    result.set(block, written + storedHeaderBytes);
    written += storedHeaderBytes + block.length;
  }
  return result;
}

/** One piece as whole bytes of deflate, so that another can follow. */
async function compressPiece(piece: Uint8Array, level: number): Promise<Buffer> {
  if (level === constants.Z_BEST_SPEED && isDense(piece)) return store(piece);
  return deflate(piece, {
    level,
    finishFlush: constants.Z_SYNC_FLUSH,
    chunkSize: pieceBytes,
  });
}

/** The same bytes in pieces of one size, each a copy; the last may be smaller. */
async function* regroup(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let piece = Buffer.allocUnsafeSlow(pieceBytes);
  let filled = 0;
  for await (const chunk of source) {
    for (let offset = 0; offset < chunk.length; ) {
      const taken = Math.min(chunk.length - offset, pieceBytes - filled);
      piece.set(chunk.subarray(offset, offset + taken), filled);
      offset += taken;
      filled += taken;
      if (filled < pieceBytes) continue;
      yield piece;
      piece = Buffer.allocUnsafeSlow(pieceBytes);
      filled = 0;
    }
  }
  if (filled > 0) yield piece.subarray(0, filled);
}

/**
 * Compresses with gzip, for whoever reads nothing newer: one member (RFC 1952) out of pieces that are compressed on several
 * threads at once, at the fastest level where none is said. The same bytes give the same result, however they come.
 */
export async function* gzip(
  source: AsyncIterable<Uint8Array>,
  level: number = constants.Z_BEST_SPEED,
): AsyncGenerator<Uint8Array> {
  const running: Promise<Buffer>[] = [];
  let checksum = 0;
  let sizeBytes = 0;
  yield header;
  for await (const piece of regroup(source)) {
    checksum = crc32(piece, checksum);
    sizeBytes += piece.length;
    const compressed = compressPiece(piece, level);
    // Whoever stops reading is not told of it.
    compressed.catch(() => undefined);
    running.push(compressed);
    const first = running.length >= atOnce ? running.shift() : undefined;
    if (first !== undefined) yield await first;
  }
  for (const compressed of running) yield await compressed;
  yield lastBlock;
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(checksum, 0);
  trailer.writeUInt32LE(sizeBytes % 2 ** 32, 4);
  yield trailer;
}
