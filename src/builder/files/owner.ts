import { closeSync, readSync } from 'node:fs';
import { fileTypes } from '#linux/file-tree';
import type { FileOwner } from '../graph/operation.ts';
import type { TargetDirectory } from './target-tree.ts';
import { isType, walk } from './walk.ts';

/** A user database of a megabyte is a hostile one. */
const textLimitBytes = 1024 * 1024;

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** The lines of /etc/passwd or /etc/group as the target has it; none where it has no such file. */
function linesOf(root: TargetDirectory, name: 'passwd' | 'group'): string[][] {
  using way = tryWalk(root, ['etc', name]);
  const { file } = way ?? {};
  if (way === undefined || file === undefined || !isType(file.stat, fileTypes.file)) return [];
  const descriptor = way.directory.openFile(file.name);
  try {
    const buffer = Buffer.alloc(Math.min(file.stat.sizeBytes, textLimitBytes));
    const count = readSync(descriptor, buffer, 0, buffer.length, 0);
    const lines = buffer.toString('utf8', 0, count).split('\n');
    return lines.map((line) => line.split(':'));
  } finally {
    closeSync(descriptor);
  }
}

function tryWalk(root: TargetDirectory, path: readonly string[]) {
  try {
    return walk(root, path, true);
  } catch {
    return undefined;
  }
}

function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** The owner that is meant, names looked up in the target; a name that it does not know is root's, as with BuildKit. */
export function ownerOf(root: TargetDirectory, { user, group }: FileOwner): Owner {
  let [uid, gid] = [0, 0];
  const userNumber = typeof user === 'number' ? user : numberOf(user);
  if (userNumber !== undefined) [uid, gid] = [userNumber, userNumber];
  else {
    const [, , itsUid, itsGid] = linesOf(root, 'passwd').find(([name]) => name === user) ?? [];
    [uid, gid] = [numberOf(itsUid) ?? 0, numberOf(itsGid) ?? 0];
  }
  if (group === undefined) return { uid, gid };
  const groupNumber = typeof group === 'number' ? group : numberOf(group);
  if (groupNumber !== undefined) return { uid, gid: groupNumber };
  const [, , itsGid] = linesOf(root, 'group').find(([name]) => name === group) ?? [];
  return { uid, gid: numberOf(itsGid) ?? gid };
}
