import { closeSync } from 'node:fs';
import { hasCode } from '#linux/errno';
import { fileTypes } from '#linux/file-tree';
import { createTarReader } from '#oci';
import { fail } from '#std/errors';
import { absolutePath, packPlace } from './pack.ts';
import { type PathStat, pathStatOf } from './stat.ts';
import { openTarget } from './target.ts';
import { Unpacker, type UnpackOptions } from './unpack.ts';
import { type ContainerView, isType, LeavesRoot } from './view.ts';

/** What is not larger is read and written by the engine itself: a process would take longer than the work. */
export const briefBytes = 1024 * 1024;
/** Many small files take long all the same: others have their turn in between. */
const turnMs = 4;
const pieceBytes = 16 * 1024;

/** The archive of one small file or link, with its stat; throws `LeavesRoot` when it is more than that. */
export function packBriefly(view: ContainerView, path: string): { stat: PathStat; content: Buffer } {
  const absolute = absolutePath(path);
  const place = view.lookUp(absolute, false);
  try {
    const isSmall = isType(place.stat, fileTypes.file) && place.stat.sizeBytes <= briefBytes;
    if (!isSmall && !isType(place.stat, fileTypes.symlink)) throw new LeavesRoot(path);
    const stat = pathStatOf(view, place, absolute);
    return { stat, content: Buffer.concat([...packPlace(view, place, absolute, { waits: false })]) };
  } catch (error) {
    // A lease of somebody's: a porter waits for that.
    throw hasCode(error, 'EAGAIN') ? new LeavesRoot(path) : error;
  } finally {
    closeSync(place.descriptor);
  }
}

/**
 * Unpacks an archive that is in memory; throws `LeavesRoot` when an entry of it is not for the engine to write. Then it must
 * be unpacked anew, from its beginning.
 */
export async function unpackBriefly(
  view: ContainerView,
  path: string,
  archive: readonly Uint8Array[],
  options: UnpackOptions,
): Promise<void> {
  const top = openTarget(view, path);
  try {
    using unpacker = new Unpacker(view, top, { ...options, isBrief: true });
    const reader = createTarReader(unpacker);
    let turnBeganMs = performance.now();
    for (const chunk of archive) {
      for (let offset = 0; offset < chunk.length; offset += pieceBytes) {
        await reader.write(chunk.subarray(offset, offset + pieceBytes));
        if (performance.now() - turnBeganMs < turnMs) continue;
        await new Promise((resolve) => setImmediate(resolve));
        turnBeganMs = performance.now();
      }
    }
    closeReader(reader);
    unpacker.finish();
  } finally {
    closeSync(top.descriptor);
  }
}

/** An archive that breaks off is Docker's error too, but in other words than a layer's. */
export function closeReader(reader: { close(): void }): void {
  try {
    reader.close();
  } catch (error) {
    throw fail('invalid-argument', 'unexpected EOF', error);
  }
}
