import { closeSync, openSync } from 'node:fs';
import { fileTypes, statAt, tryOpenPlace } from '#linux/file-tree';
import { type Change, changeKinds } from './snapshot-changes.ts';
import { directoryFlags, openBelow } from './snapshot-lower.ts';
import { TreePacker } from './tree-pack.ts';

/** OCI image specification, layer: a file so named hides `name` in the layers below. */
const whiteoutPrefix = '.wh.';
const turnMs = 4;

/**
 * A container's changes (see `changesOf`) as the tar of a layer, out of its writable layer. What has gone since they were found
 * is left out.
 */
export async function* packChanges(upper: string, changes: readonly Change[]): AsyncGenerator<Uint8Array> {
  const packer = new TreePacker();
  const root = openSync(upper, directoryFlags);
  let parent: { path: string; descriptor: number | undefined } = { path: '', descriptor: undefined };
  try {
    let turnBeganMs = performance.now();
    for (const { path, kind } of changes) {
      const slash = path.lastIndexOf('/');
      const directory = path.slice(1, Math.max(slash, 1));
      const name = path.slice(slash + 1);
      const prefix = directory === '' ? '' : `${directory}/`;
      if (kind === changeKinds.deleted) {
        yield* packer.mark(`${prefix}${whiteoutPrefix}${name}`);
        continue;
      }
      if (parent.descriptor === undefined || parent.path !== directory) {
        if (parent.descriptor !== undefined) closeSync(parent.descriptor);
        parent = { path: directory, descriptor: openBelow(root, directory) };
      }
      if (parent.descriptor !== undefined) yield* packName(packer, parent.descriptor, name, prefix);
      if (performance.now() - turnBeganMs < turnMs) continue;
      await new Promise((resolve) => setImmediate(resolve));
      turnBeganMs = performance.now();
    }
    yield* packer.end();
  } finally {
    if (parent.descriptor !== undefined) closeSync(parent.descriptor);
    closeSync(root);
  }
}

function* packName(packer: TreePacker, directory: number, name: string, prefix: string): Generator<Buffer> {
  const place = tryOpenPlace(directory, name);
  if (place < 0) return;
  try {
    const stat = statAt(place);
    if (stat === undefined) return;
    const isDirectory = (stat.mode & fileTypes.mask) === fileTypes.directory;
    yield* packer.add(place, stat, `${prefix}${name}${isDirectory ? '/' : ''}`);
  } finally {
    closeSync(place);
  }
}
