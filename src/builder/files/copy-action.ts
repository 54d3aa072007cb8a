import { setTimeOf, statAt } from '#linux/file-tree';
import { fail } from '#std/errors';
import type { LowerDirectory } from '#store';
import type { CopyAction } from '../graph/operation.ts';
import { archiveAt, unpackArchive } from './archive.ts';
import { parseTime, type Time } from './attributes.ts';
import { type CopyOptions, TreeCopier } from './copy-tree.ts';
import { type Made, makeMissing } from './make-directories.ts';
import { ownerOf } from './owner.ts';
import type { Pace } from './pace.ts';
import { matcherOf } from './patterns.ts';
import type { TargetDirectory } from './target-tree.ts';
import { bytesOf, cleanPath, pathError, type Way, walk } from './walk.ts';
import { matchPaths } from './wildcards.ts';

interface Copying {
  readonly root: TargetDirectory;
  readonly source: LowerDirectory;
  readonly action: CopyAction;
  readonly options: CopyOptions;
}

function optionsOf(
  root: TargetDirectory,
  action: CopyAction,
  shared: { readonly pace: Pace; readonly mayShare: boolean },
): CopyOptions {
  const { owner, mode, timestampNs, includes, excludes, replaces } = action;
  const time = parseTime(timestampNs);
  const included = matcherOf('include', includes);
  const excluded = matcherOf('exclude', excludes);
  return {
    ...shared,
    replaces,
    ...(owner !== undefined && { owner: ownerOf(root, owner) }),
    ...(mode !== undefined && { mode }),
    ...(time !== undefined && { time }),
    ...(included !== undefined && { includes: included }),
    ...(excluded !== undefined && { excludes: excluded }),
  };
}

/** Parents that are made on the way take a mode that is a number, too. */
function parentsOf({ owner, time, mode }: CopyOptions): Parameters<typeof makeMissing>[2] {
  const octal = typeof mode === 'string' && /^[0-7]+$/.test(mode) ? Number.parseInt(mode, 8) : mode;
  return {
    ...(typeof octal === 'number' && { directoryMode: octal & 0o777 }),
    ...(owner !== undefined && { owner }),
    ...(time !== undefined && { time }),
  };
}

function requireParent(root: TargetDirectory, { destination }: CopyAction): void {
  using way = walk(root, cleanPath(destination).map(bytesOf), true);
  if (way.missing.length < 2) return;
  const reason = pathError('lstat', way.path.slice(0, -1), 'no such file or directory').message;
  throw fail('not-found', `failed to stat ${destination}: ${reason}`);
}

/** Paths below what is copied that must be there. */
function requirePaths(root: LowerDirectory, { source, requiredPaths = [] }: CopyAction): void {
  for (const path of requiredPaths) {
    const parts = cleanPath(`${source}/${path}`).map(bytesOf);
    using way = walk(root, parts, false);
    if (way.missing.length > 0) throw pathError('lstat', parts, 'no such file or directory');
  }
}

/** Copies files into the layer whose root is `root`, as BuildKit's file operation does. */
export async function copyFiles(
  root: TargetDirectory,
  source: LowerDirectory,
  action: CopyAction,
  shared: { readonly pace: Pace; readonly mayShare: boolean },
): Promise<void> {
  if (!action.createsDestination) requireParent(root, action);
  const copying = { root, source, action, options: optionsOf(root, action, shared) };
  requirePaths(source, action);
  const { allowsWildcard, allowsEmptyWildcard, followsSymlink } = action;
  const paths = allowsWildcard
    ? matchPaths(source, action.source, followsSymlink)
    : [cleanPath(action.source).map(bytesOf)];
  if (paths.length === 0 && !allowsEmptyWildcard) throw fail('not-found', `${action.source} not found`);
  for (const path of paths) {
    if (action.unpacks && (await unpacked(copying, path))) continue;
    copyOne(copying, path);
  }
}

/** Unpacks a path that is an archive; false when it is none. */
async function unpacked({ root, source, action, options }: Copying, path: readonly string[]): Promise<boolean> {
  using from = walk(source, path, true);
  const archive = from.file === undefined ? undefined : await archiveAt(from.directory, from.file);
  if (archive === undefined) return false;
  try {
    using to = walk(root, cleanPath(action.destination).map(bytesOf), true);
    makeMissing(to, 0, { ...parentsOf(options), directoryMode: 0o755 });
    await unpackArchive(archive, to.directory, options);
    return true;
  } finally {
    archive.close();
  }
}

function copyOne(copying: Copying, path: readonly string[]): void {
  const { root, source, action, options } = copying;
  const made: Made = [];
  ensureDestination(copying, made);
  using to = walk(root, cleanPath(action.destination).map(bytesOf), true);
  using from = walk(source, path, action.followsSymlink);
  if (from.missing.length > 0) throw pathError('lstat', path, 'no such file or directory');
  if (from.file === undefined) copyDirectory(copying, path.at(-1) ?? '', from, to, made);
  else {
    const copier = new TreeCopier(root, options);
    const { name, stat } = from.file;
    const exists = to.file !== undefined || to.missing.length > 0;
    if (to.file === undefined) makeMissing(to, 1, { ...parentsOf(options), made });
    const target = exists ? (to.path.at(-1) ?? name) : (path.at(-1) ?? name);
    copier.file(from.directory, name, stat, to.directory, target);
  }
  if (options.time !== undefined) setTimes(root, made, options.time);
}

/** The directory that a destination names, or that is above it, is made first. */
function ensureDestination({ root, action, options }: Copying, made: Made): void {
  const { destination } = action;
  const last = destination.slice(destination.lastIndexOf('/') + 1);
  const directory = last === '' || last === '.' ? destination : destination.slice(0, -last.length);
  if (directory === '') return;
  using way = walk(root, cleanPath(directory).map(bytesOf), true);
  makeMissing(way, 0, { ...parentsOf(options), made });
}

function copyDirectory(
  { root, action, options }: Copying,
  name: string,
  from: Way<LowerDirectory>,
  to: Way<TargetDirectory>,
  made: Made,
): void {
  const copier = new TreeCopier(root, options);
  const stat = statAt(from.directory.top);
  if (stat === undefined) throw pathError('lstat', from.path, 'no such file or directory');
  const isThere = to.file === undefined && to.missing.length === 0;
  if (to.file !== undefined && action.copiesContents) {
    copier.directory(from.directory, stat, to.directory, to.file.name);
  } else if (isThere || action.copiesContents) {
    makeMissing(to, 0, { ...parentsOf(options), made });
    copier.directory(from.directory, stat, to.directory, action.copiesContents ? '' : name);
  } else {
    // A file in the way is found so.
    makeMissing(to, 1, { ...parentsOf(options), made });
    copier.directory(from.directory, stat, to.directory, to.path.at(-1) ?? name);
  }
}

/** What was made on the way has a later time by now. */
function setTimes(root: TargetDirectory, made: Made, { seconds, nanoseconds }: Time): void {
  for (const names of made) {
    using way = walk(root, names, true);
    setTimeOf(way.directory.materialise(), seconds, nanoseconds);
  }
}
