import { closeSync, fstatSync } from 'node:fs';
import { hasCode } from '#linux/errno';
import { openInRoot, pathOnly } from '#linux/open-in-root';
import { fail } from '#std/errors';

/**
 * The bytes of a regular file below `root`, at most `bytesMax` of them; undefined when there is none. Symlinks do not lead out of `root`,
 * and a device or FIFO is not opened.
 */
export async function readInside(root: string, path: string, bytesMax: number): Promise<Uint8Array | undefined> {
  let place: number;
  try {
    place = openInRoot(root, path, pathOnly);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].some((code) => hasCode(error, code))) return undefined;
    throw error;
  }
  try {
    const status = fstatSync(place);
    if (status.isDirectory()) throw fail('invalid-argument', `read ${path}: is a directory`);
    if (!status.isFile()) throw fail('invalid-argument', `open ${path}: not a regular file`);
    const file = Bun.file(`/proc/self/fd/${place}`);
    return new Uint8Array(await file.slice(0, bytesMax).arrayBuffer());
  } finally {
    closeSync(place);
  }
}
