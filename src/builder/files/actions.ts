import { closeSync, writeSync } from 'node:fs';
import { fileTypes } from '#linux/file-tree';
import type { MakeDirectoryAction, MakeFileAction, RemoveAction, SymlinkAction } from '../graph/operation.ts';
import { parseTime, setNodeAttributes, setOpenAttributes, type Time } from './attributes.ts';
import { makeMissing } from './make-directories.ts';
import { type Owner, ownerOf } from './owner.ts';
import type { TargetDirectory } from './target-tree.ts';
import { bytesOf, cleanPath, isType, pathError, type Way, walk } from './walk.ts';
import { matchPaths } from './wildcards.ts';

const noEntry = 'no such file or directory';

function placedOf(root: TargetDirectory, { owner, timestampNs }: Pick<MakeFileAction, 'owner' | 'timestampNs'>) {
  const time = parseTime(timestampNs);
  const found: { owner?: Owner; time?: Time } = {
    ...(owner !== undefined && { owner: ownerOf(root, owner) }),
    ...(time !== undefined && { time }),
  };
  return found;
}

/** The name at which a way ends, in its directory, which must be there. */
function lastName(way: Way<TargetDirectory>, call: string): string {
  const name = way.path.at(-1);
  if (name === undefined) throw pathError(call, '/', 'is a directory');
  if (way.missing.length > 1) throw pathError(call, way.path, noEntry);
  return name;
}

/** Makes a directory. What is there already stays as it is. */
export function makeDirectory(root: TargetDirectory, action: MakeDirectoryAction): void {
  using way = walk(root, cleanPath(action.path).map(bytesOf), true);
  const how = { directoryMode: action.mode & 0o777, ...placedOf(root, action) };
  if (!action.makesParents) {
    // What is there, even when it is no directory, is no error.
    if (way.file !== undefined || way.missing.length === 0) return;
    lastName(way, 'mkdir');
  }
  makeMissing(way, 0, how);
}

/** Makes a file, or writes another content into the one that is there, which keeps its mode. */
export function makeFile(root: TargetDirectory, action: MakeFileAction): void {
  using way = walk(root, cleanPath(action.path).map(bytesOf), true);
  if (way.file === undefined && way.missing.length === 0) throw pathError('open', way.path, 'is a directory');
  const name = lastName(way, 'open');
  const { owner, time } = placedOf(root, action);
  const present = way.file?.stat;
  const isKept = present !== undefined && isType(present, fileTypes.file);
  const descriptor = way.directory.createFile(name);
  try {
    for (let written = 0; written < action.content.length; )
      written += writeSync(descriptor, action.content, written, action.content.length - written);
    setOpenAttributes(descriptor, {
      ...(owner ?? (isKept ? { uid: present.uid, gid: present.gid } : { uid: 0, gid: 0 })),
      mode: isKept ? present.mode & 0o7777 : action.mode & 0o777,
      ...(time !== undefined && { time }),
    });
  } finally {
    closeSync(descriptor);
  }
}

/** Makes a symbolic link where nothing is. */
export function makeSymlink(root: TargetDirectory, action: SymlinkAction): void {
  using way = walk(root, cleanPath(action.path).map(bytesOf), true);
  if (way.missing.length === 0)
    throw pathError('symlink', `${bytesOf(action.target)} /${way.path.join('/')}`, 'file exists');
  const name = lastName(way, 'symlink');
  const { owner = { uid: 0, gid: 0 }, time } = placedOf(root, action);
  way.directory.makeSymbolicLink(name, bytesOf(action.target));
  setNodeAttributes(way.directory.materialise(), name, { ...owner, mode: 0o777, ...(time !== undefined && { time }) });
}

/** Removes a path, a directory with all that is in it, or all that wildcards find; a link itself. */
export function removeFiles(root: TargetDirectory, action: RemoveAction): void {
  const paths = action.allowsWildcard ? matchPaths(root, action.path, false) : [cleanPath(action.path).map(bytesOf)];
  for (const path of paths) {
    const name = path.at(-1);
    if (name === undefined) throw pathError('rmPath', '/', 'invalid empty path');
    using way = walk(root, path.slice(0, -1), true);
    const stat = way.file === undefined && way.missing.length === 0 ? way.directory.stat(name) : undefined;
    if (stat !== undefined) way.directory.remove(name);
    else if (!action.allowsNotFound) throw pathError('stat', path, noEntry);
  }
}
