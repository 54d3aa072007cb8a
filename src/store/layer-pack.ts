import { closeSync, openSync } from 'node:fs';
import { DirectoryChain } from '#linux/directory-chain';
import { type FileStat, fileTypes, readEntries, statAt, tryOpenPlace } from '#linux/file-tree';
import { directoryFlags, isOpaque, isWhiteout } from './snapshot-lower.ts';
import { TreePacker } from './tree-pack.ts';

/** OCI image specification, layer: a file so named hides `name` in the layers below. */
const whiteoutPrefix = '.wh.';
const opaqueMarker = '.wh..wh..opq';

interface Frame {
  /** Sorted, the first last. */
  readonly names: string[];
  /** Of the directory itself, in the archive; with its slash. */
  readonly prefix: string;
}

const byBytes = (one: string, other: string): number => (one < other ? -1 : Number(one > other));

/**
 * The tar of a layer, out of its directory as overlayfs keeps it (whiteouts are devices 0:0, opaque is an attribute): what
 * `unpackLayer` makes of a tar, the other way round. The same directory gives the same bytes; `modifiedLimitSeconds` sets later
 * times back to that one. The root itself is no entry of it: it is like that of the layer below. Nothing may write to it meanwhile.
 */
export function* packLayer(
  directory: string,
  { modifiedLimitSeconds }: { modifiedLimitSeconds?: number } = {},
): Generator<Buffer, void, undefined> {
  const packer = new TreePacker();
  using chain = new DirectoryChain(openSync(directory, directoryFlags));
  const frames: Frame[] = [frameOf(chain.descriptor, '')];
  for (let frame = frames.at(-1); frame !== undefined; frame = frames.at(-1)) {
    const name = frame.names.pop();
    if (name === undefined) {
      frames.pop();
      if (frames.length > 0) chain.leave();
      continue;
    }
    const path = frame.prefix + name;
    const place = tryOpenPlace(chain.descriptor, name);
    if (place < 0) continue;
    let isDirectory = false;
    try {
      const found = statAt(place);
      if (found === undefined) continue;
      if (isWhiteout(found)) {
        yield* packer.mark(`${frame.prefix}${whiteoutPrefix}${name}`);
        continue;
      }
      isDirectory = (found.mode & fileTypes.mask) === fileTypes.directory;
      yield* packer.add(place, limited(found, modifiedLimitSeconds), isDirectory ? `${path}/` : path);
    } finally {
      closeSync(place);
    }
    if (!isDirectory) continue;
    chain.enter(name);
    if (isOpaque(chain.descriptor)) yield* packer.mark(`${path}/${opaqueMarker}`);
    frames.push(frameOf(chain.descriptor, `${path}/`));
  }
  yield* packer.end();
}

function frameOf(descriptor: number, prefix: string): Frame {
  const names = readEntries(descriptor).map(({ name }) => name);
  return { names: names.sort(byBytes).reverse(), prefix };
}

function limited(stat: FileStat, limitSeconds: number | undefined): FileStat {
  if (limitSeconds === undefined || stat.modifiedSeconds <= limitSeconds) return stat;
  return { ...stat, modifiedSeconds: limitSeconds };
}
