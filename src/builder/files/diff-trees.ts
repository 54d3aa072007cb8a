import { closeSync } from 'node:fs';
import { isSameContent } from '#linux/file-contents';
import { type FileStat, fileTypes, isSameFile, openAt, readFlags } from '#linux/file-tree';
import { type LowerDirectory, openMerged } from '#store';
import { attributesOf, setOpenAttributes } from './attributes.ts';
import { TreeCopier } from './copy-tree.ts';
import { type Measured, measureTree } from './measure.ts';
import type { Pace } from './pace.ts';
import { copyXattrs, TargetDirectory } from './target-tree.ts';
import { isType } from './walk.ts';

/** What a layer holds that makes one file system of another. Both are the directories of layers, topmost first. */
export function diffTrees(
  ask: { readonly lower: readonly string[]; readonly upper: readonly string[]; readonly directory: string },
  pace: Pace,
): Measured {
  const upper = openMerged(ask.upper);
  const root = TargetDirectory.open(ask.directory, ask.lower);
  try {
    const copier = new TreeCopier(root, { replaces: true, pace, mayShare: false });
    bring(upper, root, copier, pace);
  } finally {
    root.close();
    upper.close();
  }
  return measureTree(ask.directory, pace);
}

/** Makes `target` what `source` is. */
function bring(source: LowerDirectory, target: TargetDirectory, copier: TreeCopier, pace: Pace): void {
  const wanted = new Set(source.list());
  for (const name of target.list()) if (!wanted.has(name)) target.remove(name);
  for (const name of wanted) {
    pace.spend(1, 0);
    const [stat, present] = [source.stat(name), target.stat(name)];
    if (stat === undefined) continue;
    if (!isType(stat, fileTypes.directory)) {
      if (present === undefined || !isSame(source, target, name, stat, present, pace)) {
        copier.file(source, name, stat, target, name);
      }
      continue;
    }
    const from = source.enter(name);
    try {
      if (present === undefined || !isType(present, fileTypes.directory)) copier.directory(from, stat, target, name);
      else bringDirectory(from, target, { name, stat, present, copier, pace });
    } finally {
      from.close();
    }
  }
}

function bringDirectory(
  from: LowerDirectory,
  above: TargetDirectory,
  {
    name,
    stat,
    present,
    copier,
    pace,
  }: { name: string; stat: FileStat; present: FileStat; copier: TreeCopier; pace: Pace },
): void {
  const to = above.enter(name);
  try {
    bring(from, to, copier, pace);
    if (stat.mode === present.mode && stat.uid === present.uid && stat.gid === present.gid && !to.isMaterialised)
      return;
    const own = to.materialise();
    setOpenAttributes(own, attributesOf(stat), () => copyXattrs(from.top, own));
  } finally {
    to.close();
  }
}

function isSame(
  source: LowerDirectory,
  target: TargetDirectory,
  name: string,
  stat: FileStat,
  present: FileStat,
  pace: Pace,
): boolean {
  if (isSameFile(stat, present)) return true;
  if (stat.mode !== present.mode || stat.uid !== present.uid || stat.gid !== present.gid) return false;
  if (stat.nodeMajor !== present.nodeMajor || stat.nodeMinor !== present.nodeMinor) return false;
  if (isType(stat, fileTypes.symlink)) return source.readLink(name) === target.readLink(name);
  if (!isType(stat, fileTypes.file)) return true;
  if (stat.sizeBytes !== present.sizeBytes) return false;
  pace.spend(0, stat.sizeBytes);
  const files = [openAt(source.directoryOf(name), name, readFlags), target.openFile(name)] as const;
  try {
    return isSameContent(...files);
  } finally {
    for (const file of files) closeSync(file);
  }
}
