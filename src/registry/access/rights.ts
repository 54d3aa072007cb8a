import { fail } from '#std/errors';
import type { Action } from '../types.ts';

/** What can be done with a repository. */
export type RepositoryAction = Exclude<Action, 'catalog'>;

export const repositoryActions: readonly RepositoryAction[] = ['pull', 'push', 'delete'];

/** Lets somebody do something; what no rule allows is refused. Exactly one of `user`, `group` and `anonymous` is there. */
export interface Rule {
  /** A user's name, or `*` for all that have logged in. */
  readonly user?: string;
  readonly group?: string;
  /** All, also those who have not logged in. */
  readonly anonymous?: true;
  /** Names, in which `*` stands for a part of a path, `**` for any of it, and `{user}` for the user's own name. */
  readonly repositories: readonly string[];
  readonly actions: readonly RepositoryAction[];
}

/** Who may do what. */
export interface Rights {
  /** `user` is undefined for those who have not logged in. */
  allows(user: string | undefined, repository: string, action: RepositoryAction): boolean;
}

const userMark = '{user}';
const piecePattern = /\*\*|\*|\{user\}|[^*{]+|\{/g;

/** Whether a repository's name fits a pattern, for one user. */
function fits(pattern: string, user: string | undefined): RegExp {
  const source = (pattern.match(piecePattern) ?? []).map((piece) => {
    if (piece === '**') return '.*';
    if (piece === '*') return '[^/]*';
    return RegExp.escape(piece === userMark ? (user ?? '') : piece);
  });
  return new RegExp(`^${source.join('')}$`);
}

interface ReadyRule {
  readonly rule: Rule;
  /** For those patterns that are the same for all users. */
  readonly fixed: readonly RegExp[];
  readonly personal: readonly string[];
}

function ready(rule: Rule): ReadyRule {
  return {
    rule,
    fixed: rule.repositories
      .filter((pattern) => !pattern.includes(userMark))
      .map((pattern) => fits(pattern, undefined)),
    personal: rule.repositories.filter((pattern) => pattern.includes(userMark)),
  };
}

/**
 * Rights by rules. Without any rule, all who have logged in may do all, and where nobody can log in (`open`) everybody may.
 * Throws `invalid-argument` for a rule of a group that there is not.
 */
export function openRights(
  rules: readonly Rule[],
  groups: Readonly<Record<string, readonly string[]>>,
  { open }: { open: boolean },
): Rights {
  if (rules.length === 0) return { allows: (user) => open || user !== undefined };
  for (const { group } of rules) {
    if (group !== undefined && !Object.hasOwn(groups, group)) {
      throw fail('invalid-argument', `rights: there is no group ${group}`);
    }
  }
  const members = new Map(Object.entries(groups).map(([name, users]) => [name, new Set(users)]));
  const all = rules.map(ready);

  function concerns({ user, group, anonymous }: Rule, asking: string | undefined): boolean {
    if (anonymous === true) return true;
    if (asking === undefined) return false;
    return user === '*' || user === asking || (group !== undefined && members.get(group)?.has(asking) === true);
  }

  return {
    allows: (user, repository, action) =>
      all.some(
        ({ rule, fixed, personal }) =>
          rule.actions.includes(action) &&
          concerns(rule, user) &&
          (fixed.some((pattern) => pattern.test(repository)) ||
            (user !== undefined && personal.some((pattern) => fits(pattern, user).test(repository)))),
      ),
  };
}
