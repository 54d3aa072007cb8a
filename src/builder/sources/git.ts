import { join } from 'node:path';
import { fail } from '#std/errors';
import type { Records } from '#store';
import { canonicalDigest } from '../graph/canonical.ts';
import type { SourceOperation } from '../graph/operation.ts';
import type { StepRun } from '../solver/types.ts';
import { withAccess } from './git-access.ts';
import { bringCommit, checkOut, findCommit, type GitCommit, type GitWish, isCommitId } from './git-remote.ts';
import { KeptTrees } from './kept-trees.ts';
import type { PinnedSource, SourceKind } from './types.ts';

/** Repositories of git as sources (`git://…`), and what of them is kept. */
export interface GitSource extends SourceKind {
  readonly shelves: readonly KeptTrees<unknown>[];
  reconcile(): Promise<void>;
}

function wishOf({ identifier, attributes }: SourceOperation): GitWish {
  const [address = '', fragment = ''] = identifier.slice('git://'.length).split(/#(.*)/s);
  const [, reference = '', subdirectory = ''] = /^([^:]*):?(.*)$/s.exec(fragment) ?? [];
  const remote = attributes['git.fullurl'] || `https://${address}`;
  // Whatever begins like an option is none.
  if (reference.startsWith('-') || remote.startsWith('-'))
    throw fail('invalid-argument', `invalid git reference ${reference}`);
  return {
    remote,
    reference,
    subdirectory,
    keepsGitDirectory: attributes['git.keepgitdir'] === 'true',
    checksum: attributes['git.checksum'],
  };
}

function checkCommit({ checksum }: GitWish, { id }: GitCommit): void {
  if (checksum === undefined || checksum === '' || id.startsWith(checksum)) return;
  throw fail('invalid-argument', `expected checksum to match ${checksum}, got ${id}`);
}

/** What is kept of one wish: equal for equal files. */
function keyOf({ remote, subdirectory, keepsGitDirectory }: GitWish, { id, name = '' }: GitCommit): string {
  return canonicalDigest({ commit: id, subdirectory, ...(keepsGitDirectory && { remote, name }) });
}

/** Opens the repositories that are kept below the data root. */
export function openGitSource({ records, dataRoot }: { records: Records; dataRoot: string }): GitSource {
  const below = (name: string) => ({ records, directory: join(dataRoot, 'build', name), collection: `build-${name}` });
  const repositories = new KeptTrees<null>('source.git.checkout', below('git'));
  const checkouts = new KeptTrees<null>('source.git.checkout', below('git-checkouts'));

  async function checkedOut(wish: GitWish, commit: GitCommit, attributes: SourceOperation['attributes'], run: StepRun) {
    const key = keyOf(wish, commit);
    return checkouts.alone(key, async () => {
      const known = checkouts.hold(key);
      if (known !== undefined) return known;
      return withAccess(wish.remote, attributes, run, (access) =>
        repositories.alone(wish.remote, async () => {
          const repository =
            repositories.hold(wish.remote) ??
            (await repositories.make(wish.remote, `shared git repo for ${wish.remote}`, async (directory) => {
              await bringCommit(directory, wish, commit, access, run);
              return null;
            }));
          try {
            await bringCommit(repository.directory, wish, commit, access, run);
            const shown = `git snapshot for ${wish.remote}#${wish.reference || commit.id}`;
            return await checkouts.make(key, shown, async (directory) => {
              await checkOut(repository.directory, wish, commit, directory, access, run);
              return null;
            });
          } finally {
            repository.release();
          }
        }),
      );
    });
  }

  return {
    shelves: [repositories, checkouts],
    async pin(operation, _, run): Promise<PinnedSource> {
      const wish = wishOf(operation);
      const { attributes } = operation;
      const commit = isCommitId(wish.reference)
        ? { id: wish.reference }
        : await withAccess(wish.remote, attributes, run, (access) => findCommit(wish, access, run));
      return {
        key: async () => keyOf(wish, commit),
        rest: 'work',
        async materialise(later) {
          checkCommit(wish, commit);
          const { directory, release } = await checkedOut(wish, commit, attributes, later);
          return { result: { kind: 'directory', path: directory }, release };
        },
      };
    },
    async reconcile() {
      await repositories.reconcile();
      await checkouts.reconcile();
    },
  };
}
