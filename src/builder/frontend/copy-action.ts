import type { CopyAction } from '../graph/operation.ts';

/** A copy of files as they are, unless something else is said. */
export function copyAction(given: Pick<CopyAction, 'source' | 'destination'> & Partial<CopyAction>): CopyAction {
  return {
    type: 'copy',
    followsSymlink: false,
    copiesContents: false,
    unpacks: false,
    createsDestination: true,
    allowsWildcard: false,
    allowsEmptyWildcard: false,
    includes: [],
    excludes: [],
    replaces: false,
    ...given,
  };
}
