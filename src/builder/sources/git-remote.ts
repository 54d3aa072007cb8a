import { existsSync, lstatSync, mkdirSync, rmSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fail, messageOf } from '#std/errors';
import type { StepRun } from '../solver/types.ts';
import { type GitAccess, GitFailure, git } from './git-command.ts';

/** A repository and what of it is wanted, as a vertex names them. */
export interface GitWish {
  readonly remote: string;
  /** A branch, tag, reference or commit; empty for the default branch. */
  readonly reference: string;
  readonly subdirectory: string;
  readonly keepsGitDirectory: boolean;
  readonly checksum?: string | undefined;
}

/** A commit, and the name that it was found by. */
export interface GitCommit {
  readonly id: string;
  /** In full: `refs/heads/main`; undefined for a commit that was named as such. */
  readonly name?: string;
}

/** Whether it is a commit by its whole id. */
export const isCommitId = (text: string): boolean => /^[0-9a-f]{40}$/.test(text);

async function defaultBranch(remote: string, access: GitAccess, run: StepRun): Promise<string> {
  try {
    const output = await git(['ls-remote', '--symref', '--', remote, 'HEAD'], access, run);
    const [, name] = /^ref: (refs\/heads\/\S+)\tHEAD/m.exec(output) ?? [];
    if (name !== undefined) return name;
    throw fail('not-found', `could not find default branch for repository ${remote}`);
  } catch (error) {
    if (!(error instanceof GitFailure)) throw error;
    throw fail('unavailable', `error fetching default branch for repository ${remote}: ${error.message}`, error);
  }
}

/** Of names that may be meant the one that git's checkout takes: a branch before a tag. */
function chosen(output: string, reference: string): GitCommit | undefined {
  const bare = reference.replace(/^refs\//, '');
  const found = new Map<string, string>();
  for (const line of output.split('\n')) {
    const [id, name] = line.split('\t');
    if (id !== undefined && name !== undefined && isCommitId(id)) found.set(name, id);
  }
  for (const name of [`refs/${bare}`, `refs/heads/${bare}`, `refs/tags/${bare}^{}`, `refs/tags/${bare}`]) {
    const id = found.get(name);
    if (id !== undefined) return { id, name: name.replace(/\^\{\}$/, '') };
  }
  return undefined;
}

/** What a wish means now. */
export async function findCommit(wish: GitWish, access: GitAccess, run: StepRun): Promise<GitCommit> {
  const { remote } = wish;
  if (isCommitId(wish.reference)) return { id: wish.reference };
  const reference = wish.reference || (await defaultBranch(remote, access, run));
  let output: string;
  try {
    output = await git(['ls-remote', '--', remote, reference, `${reference}^{}`], access, run);
  } catch (error) {
    if (!(error instanceof GitFailure)) throw error;
    throw fail('unavailable', `failed to fetch remote ${remote}: ${error.message}`, error);
  }
  const commit = chosen(output, reference);
  if (commit !== undefined) return commit;
  throw fail('not-found', `repository does not contain ref ${reference}, output: ${JSON.stringify(output)}`);
}

async function hasCommit(repository: string, id: string, access: GitAccess, run: StepRun): Promise<boolean> {
  try {
    await git(['-C', repository, 'cat-file', '-e', `${id}^{commit}`], access, { ...run, onLog: () => undefined });
    return true;
  } catch (error) {
    if (error instanceof GitFailure) return false;
    throw error;
  }
}

/** Fetches a commit into the bare repository: alone where the server allows it, else with all its name has. */
async function fetchCommit(
  repository: string,
  { remote }: GitWish,
  commit: GitCommit,
  access: GitAccess,
  run: StepRun,
): Promise<void> {
  const fetch = (...words: string[]): Promise<string> =>
    git(['-C', repository, 'fetch', '--force', '--update-head-ok', ...words], access, run);
  const target = commit.name ?? commit.id;
  const everything = ['--', remote, '+refs/heads/*:refs/heads/*', '+refs/tags/*:refs/tags/*'];
  const attempts = [
    ['--no-tags', '--depth=1', '--', remote, target],
    ['--tags', ...everything],
  ];
  for (const [index, words] of attempts.entries()) {
    try {
      await fetch(...words);
      if (await hasCommit(repository, commit.id, access, run)) return;
    } catch (error) {
      if (!(error instanceof GitFailure)) throw error;
      if (index === attempts.length - 1)
        throw fail('unavailable', `failed to fetch remote ${remote}: ${error.message}`, error);
    }
  }
  throw fail('not-found', `failed to fetch remote ${remote}: it has no commit ${commit.id}`);
}

/** What a killed git has left would keep the next one from its work; nobody else is at it now. */
function removeLocks(repository: string): void {
  for (const path of new Bun.Glob('{*,refs/**/*}.lock').scanSync({ cwd: repository, dot: true })) {
    rmSync(join(repository, path), { force: true });
  }
}

/** Has the repository, bare, at `repository`, with the commit in it. */
export async function bringCommit(
  repository: string,
  wish: GitWish,
  commit: GitCommit,
  access: GitAccess,
  run: StepRun,
): Promise<void> {
  if (!existsSync(join(repository, 'HEAD'))) {
    await git(['-c', 'init.defaultBranch=main', 'init', '--bare', repository], access, run);
    // Checkouts fetch from it by commit.
    await git(['-C', repository, 'config', 'uploadpack.allowAnySHA1InWant', 'true'], access, run);
  }
  removeLocks(repository);
  if (!(await hasCommit(repository, commit.id, access, run))) await fetchCommit(repository, wish, commit, access, run);
}

async function takeSubdirectory(tree: string, subdirectory: string, target: string): Promise<void> {
  const wanted = join('/', subdirectory).slice(1).replace(/\/$/, '');
  if (wanted === '') return rename(tree, target);
  // A symlink on the way may lead anywhere.
  let place = tree;
  for (const part of wanted.split('/')) {
    place = join(place, part);
    const found = lstatSync(place, { throwIfNoEntry: false });
    if (found?.isDirectory()) continue;
    const why = found === undefined ? `statat ${wanted}: no such file or directory` : 'not a directory';
    throw fail('not-found', `invalid subdir /${wanted}: failed to lstat ${JSON.stringify(wanted)}: ${why}`);
  }
  await rename(place, target);
}

/** Writes the files of a commit that is in `repository` to `target`, which is not there yet. */
export async function checkOut(
  repository: string,
  wish: GitWish,
  commit: GitCommit,
  target: string,
  access: GitAccess,
  run: StepRun,
): Promise<void> {
  const scratch = `${target}.part`;
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(scratch, { recursive: true, mode: 0o700 });
  const tree = join(scratch, 'tree');
  const here = (...words: string[]): Promise<string> => git(['-C', tree, ...words], access, run);
  try {
    await git(['-c', 'init.defaultBranch=main', 'init', tree], access, run);
    await here('remote', 'add', 'origin', wish.remote);
    const tag = /^refs\/tags\/.+/.exec(commit.name ?? '')?.[0];
    const wanted = tag === undefined ? commit.id : `+${commit.id}:${tag}`;
    await here('fetch', '--no-tags', '--depth=1', '--', `file://${repository}`, wanted);
    await here('checkout', '--quiet', '--detach', commit.id);
    await here('submodule', 'update', '--init', '--recursive', '--depth=1');
    await rm(join(tree, '.git', 'FETCH_HEAD'), { force: true });
    if (!wish.keepsGitDirectory) await removeGitDirectories(tree);
    await takeSubdirectory(tree, wish.subdirectory, target);
  } catch (error) {
    if (!(error instanceof GitFailure)) throw error;
    throw fail('unavailable', `failed to checkout remote ${wish.remote}: ${messageOf(error)}`, error);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Those of submodules are files. */
async function removeGitDirectories(tree: string): Promise<void> {
  await rm(join(tree, '.git'), { recursive: true, force: true });
  for await (const path of new Bun.Glob('**/.git').scan({
    cwd: tree,
    dot: true,
    onlyFiles: true,
    followSymlinks: false,
  })) {
    await rm(join(tree, path), { force: true });
  }
}
