import type { llb } from '#build-api';
import type { CopyAction, FileAction, FileOperation, FileOwner } from '#builder';
import { missing } from './fields.ts';

const permissions = 0o7777;

function userOf(user: llb.UserOpt | undefined): string | number | undefined {
  if (user === undefined) return undefined;
  return user.byName === undefined ? user.byId : user.byName.name;
}

function ownerOf(owner: llb.ChownOpt | undefined): { owner?: FileOwner } {
  const user = userOf(owner?.user);
  const group = userOf(owner?.group);
  if (user === undefined && group === undefined) return {};
  return { owner: { user: user ?? 0, ...(group !== undefined && { group }) } };
}

/** LLB says -1 for a time that is not set. */
function timestampOf(timestamp: bigint): { timestampNs?: string } {
  return timestamp < 0 ? {} : { timestampNs: String(timestamp) };
}

function modeOf({ mode, modeStr }: llb.FileActionCopy): { mode?: number | string } {
  if (modeStr !== '') return { mode: modeStr };
  return mode < 0 ? {} : { mode: mode & permissions };
}

function copyOf(copy: llb.FileActionCopy): CopyAction {
  return {
    type: 'copy',
    source: copy.src,
    destination: copy.dest,
    ...ownerOf(copy.owner),
    ...timestampOf(copy.timestamp),
    ...modeOf(copy),
    followsSymlink: copy.followSymlink,
    copiesContents: copy.dirCopyContents,
    unpacks: copy.attemptUnpackDockerCompatibility,
    createsDestination: copy.createDestPath,
    allowsWildcard: copy.allowWildcard,
    allowsEmptyWildcard: copy.allowEmptyWildcard,
    includes: copy.includePatterns,
    excludes: copy.excludePatterns,
    replaces: copy.alwaysReplaceExistingDestPaths,
  };
}

function fileOf({ path, mode, data, owner, timestamp }: llb.FileActionMkFile): FileAction {
  const placed = { ...ownerOf(owner), ...timestampOf(timestamp) };
  return { type: 'make-file', path, mode: mode & permissions, content: data, ...placed };
}

function directoryOf({ path, mode, makeParents, owner, timestamp }: llb.FileActionMkDir): FileAction {
  const placed = { ...ownerOf(owner), ...timestampOf(timestamp) };
  return { type: 'make-directory', path, mode: mode & permissions, makesParents: makeParents, ...placed };
}

function removeOf({ path, allowNotFound, allowWildcard }: llb.FileActionRm): FileAction {
  return { type: 'remove', path, allowsNotFound: allowNotFound, allowsWildcard: allowWildcard };
}

function symlinkOf({ oldpath, newpath, owner, timestamp }: llb.FileActionSymlink): FileAction {
  return { type: 'symlink', target: oldpath, path: newpath, ...ownerOf(owner), ...timestampOf(timestamp) };
}

function actionOf({ copy, mkfile, mkdir, rm, symlink }: llb.FileAction): FileAction {
  if (copy !== undefined) return copyOf(copy);
  if (mkfile !== undefined) return fileOf(mkfile);
  if (mkdir !== undefined) return directoryOf(mkdir);
  if (rm !== undefined) return removeOf(rm);
  return symlink === undefined ? missing('action of a file operation that is known') : symlinkOf(symlink);
}

/** A file operation of LLB; `inputs` is how many inputs its vertex has. */
export function fileOperation(op: llb.FileOp, inputs: number): FileOperation {
  const actions = op.actions.map((step, index) => {
    const { input, secondaryInput, output } = step;
    for (const wanted of [input, secondaryInput]) {
      if (wanted < -1 || wanted >= inputs + index) missing(`input ${wanted} of a file operation`);
    }
    return { input, secondaryInput, output, action: actionOf(step) };
  });
  if (actions.length === 0) missing('actions of a file operation');
  return { type: 'file', actions };
}

/** What BuildKit's clients see of a file operation that nobody has named. */
export function describeFile({ actions }: FileOperation): string {
  const words = actions.map(({ action }) => {
    if (action.type === 'copy') return `copy ${action.source} ${action.destination}`;
    if (action.type === 'symlink') return `symlink ${action.path} -> ${action.target}`;
    const verbs = { 'make-file': 'mkfile', 'make-directory': 'mkdir', remove: 'rm' } as const;
    return `${verbs[action.type]} ${action.path}`;
  });
  return words.join(', ');
}
