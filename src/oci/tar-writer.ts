import { blockBytes } from './tar-header.ts';

/** The two zero blocks that end a tar. */
export const tarEnd: Uint8Array = Buffer.alloc(2 * blockBytes);

/** Octal with a closing zero, or base 256 (GNU) where the field is too short for it. */
function writeNumber(block: Buffer, value: number, offset: number, length: number): void {
  const digits = value.toString(8);
  if (digits.length < length) {
    block.write(digits.padStart(length - 1, '0'), offset, 'latin1');
    return;
  }
  let rest = BigInt(value);
  for (let index = length - 1; index > 0; index -= 1) {
    block[offset + index] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  block[offset] = 0x80;
}

/**
 * The header of a file or a directory in POSIX ustar, owned by root. Names are those of image archives: ASCII, at most
 * 100 characters.
 */
export function tarHeader(entry: {
  path: string;
  sizeBytes: number;
  type?: 'file' | 'directory';
  modifiedSeconds?: number;
}): Uint8Array {
  const { path, sizeBytes, type = 'file', modifiedSeconds = 0 } = entry;
  if (path.length > 100) throw new RangeError(`name too long for a ustar header: ${path}`);
  const block = Buffer.alloc(blockBytes);
  block.write(path, 0, 'latin1');
  writeNumber(block, type === 'file' ? 0o644 : 0o755, 100, 8);
  writeNumber(block, 0, 108, 8);
  writeNumber(block, 0, 116, 8);
  writeNumber(block, sizeBytes, 124, 12);
  writeNumber(block, Math.max(modifiedSeconds, 0), 136, 12);
  block.write(type === 'file' ? '0' : '5', 156, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  block.fill(0x20, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

/** What fills the last block after contents of this size. */
export function tarPadding(sizeBytes: number): Uint8Array {
  return Buffer.alloc((blockBytes - (sizeBytes % blockBytes)) % blockBytes);
}
