import { crc32 } from 'node:zlib';

/** How much of a file's end goes into its identity. */
export const identityTailBytes = 256;

/**
 * What tells a rotated log file from all others, also once it is compressed: the comment in the header of its gzip form. The
 * inode alone would not do, since it is used again; the last bytes hold a time.
 */
export function rotatedIdentity(inode: number, sizeBytes: number, tail: Uint8Array): string {
  return `log ${inode} ${sizeBytes} ${crc32(tail)}`;
}
