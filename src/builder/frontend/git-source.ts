import type { Platform } from '#oci';
import { fail } from '#std/errors';
import { createVertex } from '../graph/create-vertex.ts';
import type { Edge, Vertex } from '../graph/vertex.ts';

/** A git repository as people name it. */
export interface GitReference {
  readonly remote: string;
  /** A branch, tag or commit; empty for the default branch. */
  readonly commit: string;
  readonly directory: string;
}

/** What a reference says in its query, in place of behind `#`. */
function readQuery(reference: GitReference, query: string): GitReference {
  let { commit, directory } = reference;
  for (const [name, value] of new URLSearchParams(query)) {
    if (name === 'subdir') directory = value;
    else if (['ref', 'branch', 'tag', 'commit', 'checksum'].includes(name)) commit ||= value;
    else throw fail('invalid-argument', `unexpected query ${JSON.stringify(name)} in git reference`);
  }
  return { ...reference, commit, directory };
}

/** Reads `REMOTE[?QUERY][#REF[:DIRECTORY]]`. */
export function parseGitReference(text: string): GitReference {
  const [, address = '', query, fragment = ''] = /^([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s.exec(text) ?? [];
  const [, commit = '', directory = ''] = /^([^:]*):?(.*)$/s.exec(fragment) ?? [];
  const remote = address.startsWith('github.com/') ? `https://${address}` : address;
  return query === undefined ? { remote, commit, directory } : readQuery({ remote, commit, directory }, query);
}

/** Where a repository is, without scheme and user, as LLB names it. */
function placeOf(remote: string): string {
  const scp = /^(?:[^@/]+@)?([^:/]+):(?!\/\/)(.*)$/.exec(remote);
  if (scp !== null) return `${scp[1]}/${scp[2]}`;
  return remote.replace(/^[a-z+]+:\/\//i, '').replace(/^[^@/]*@/, '');
}

/** Files of a repository. */
export function gitSource(
  reference: GitReference,
  {
    keepsGitDirectory,
    checksum,
    ...rest
  }: { keepsGitDirectory: boolean; checksum?: string; platform: Platform } & Pick<
    Vertex,
    'name' | 'isUncached' | 'progressGroup' | 'origin'
  >,
): Edge {
  const { remote, commit, directory } = reference;
  const fragment = commit === '' && directory === '' ? '' : `#${commit}${directory === '' ? '' : `:${directory}`}`;
  const isSsh = /^(?:ssh:\/\/|[^/]+@[^:/]+:)/.test(remote);
  const attributes = {
    'git.fullurl': remote,
    'git.authtokensecret': 'GIT_AUTH_TOKEN',
    'git.authheadersecret': 'GIT_AUTH_HEADER',
    ...(keepsGitDirectory && { 'git.keepgitdir': 'true' }),
    ...(checksum && { 'git.checksum': checksum }),
    ...(isSsh && { 'git.mountsshsock': 'default' }),
  };
  const vertex = createVertex({
    ...rest,
    operation: { type: 'source', identifier: `git://${placeOf(remote)}${fragment}`, attributes },
    inputs: [],
  });
  return { vertex, output: 0 };
}
