import { constants as fsConstants, openSync } from 'node:fs';
import { DirectoryChain } from '#linux/directory-chain';
import { type DirectoryEntry, type FileStat, fileTypes, readEntries, readLinkAt, statAt } from '#linux/file-tree';
import { readXattrsAt } from '#linux/xattr';
import type { TransferStat } from './packet.ts';

/** A file on a walk. */
export interface WalkedFile {
  readonly path: string;
  /** The directory that it is in, open until the walk goes on, and its name there. */
  readonly parent: number;
  readonly name: string;
  readonly file: FileStat;
}

interface Level {
  readonly prefix: string;
  readonly entries: DirectoryEntry[];
}

/** Sorted so that the first is taken from the end. */
function sorted(entries: DirectoryEntry[]): DirectoryEntry[] {
  return entries.sort((one, other) => (one.name < other.name ? 1 : -1));
}

/**
 * All that is below a directory, in the order of a walk, names compared as bytes; nothing follows a symbolic link. `enters` says
 * whether a directory is gone into; it is asked when the walk goes on. What disappears meanwhile is left out.
 */
export function* walkTree(directory: string, enters: (file: WalkedFile) => boolean): Generator<WalkedFile> {
  const root = openSync(directory, fsConstants.O_RDONLY | fsConstants.O_DIRECTORY);
  using chain = new DirectoryChain(root);
  const levels: Level[] = [{ prefix: '', entries: sorted(readEntries(root)) }];
  for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
    const entry = level.entries.pop();
    if (entry === undefined) {
      levels.pop();
      if (levels.length > 0) chain.leave();
      continue;
    }
    const file = statAt(chain.descriptor, entry.name);
    if (file === undefined) continue;
    const walked = { path: level.prefix + entry.name, parent: chain.descriptor, name: entry.name, file };
    yield walked;
    if ((file.mode & fileTypes.mask) !== fileTypes.directory || !enters(walked)) continue;
    levels.push({ prefix: `${walked.path}/`, entries: sorted(readEntries(chain.enter(entry.name))) });
  }
}

/** What the protocol says of it; without what it is another name of. */
export function transferStatOf({ path, parent, name, file }: WalkedFile): TransferStat {
  const type = file.mode & fileTypes.mask;
  const linkName = type === fileTypes.symlink ? readLinkAt(parent, name) : '';
  const isDevice = type === fileTypes.character || type === fileTypes.block;
  return {
    path,
    mode: file.mode,
    uid: file.uid,
    gid: file.gid,
    sizeBytes: type === fileTypes.directory ? 0 : file.sizeBytes,
    modifiedNs: BigInt(file.modifiedSeconds) * 1_000_000_000n + BigInt(file.modifiedNanoseconds),
    linkName,
    deviceMajor: isDevice ? file.nodeMajor : 0,
    deviceMinor: isDevice ? file.nodeMinor : 0,
    xattrs: readXattrsAt(parent, name),
  };
}
