import type { Need } from '../types.ts';
import { type RepositoryAction, repositoryActions } from './rights.ts';

/** What a token is for: one thing, and what may be done with it (Docker registry token specification, "scope"). */
export interface Scope {
  /** `repository` or `registry`. */
  readonly type: string;
  readonly name: string;
  readonly actions: readonly string[];
}

const scopesMax = 100;

/** Scopes from the texts of `scope` parameters: `repository:a/b:pull,push`, several parted by spaces; what is none is left out. */
export function parseScopes(texts: readonly string[]): Scope[] {
  const words = texts.flatMap((text) => text.split(' ')).filter((word) => word !== '');
  return words.slice(0, scopesMax).flatMap((word) => {
    // A name may have a port in it, and a type a class: `repository(plugin)`.
    const { type, name, actions } =
      /^(?<type>[a-z]+)(?:\([a-z]+\))?:(?<name>.+):(?<actions>[a-z*,]*)$/.exec(word)?.groups ?? {};
    if (type === undefined || name === undefined || actions === undefined) return [];
    return [{ type, name, actions: actions.split(',').filter((action) => action !== '') }];
  });
}

/** A scope as the parameter `scope` has it: `repository:a/b:pull,push`. */
export function formatScope({ type, name, actions }: Scope): string {
  return `${type}:${name}:${actions.join(',')}`;
}

/** The scope that a token must have for something; undefined for what any token is enough for. */
export function scopeOf({ action, repository, calledName = repository }: Need): Scope | undefined {
  if (action === 'catalog') return { type: 'registry', name: 'catalog', actions: ['*'] };
  return calledName === undefined ? undefined : { type: 'repository', name: calledName, actions: [action] };
}

/** The scopes that a client is told to ask for: one for each repository, and no push without pull, as clients expect. */
export function scopesOf(needs: readonly Need[]): Scope[] {
  const actions = new Map<string, Set<string>>();
  const others: Scope[] = [];
  for (const need of needs) {
    const scope = scopeOf(need);
    if (scope === undefined) continue;
    if (scope.type !== 'repository') {
      others.push(scope);
      continue;
    }
    const known = actions.get(scope.name) ?? new Set();
    for (const action of need.action === 'push' ? ['pull', 'push'] : scope.actions) known.add(action);
    actions.set(scope.name, known);
  }
  return [...[...actions].map(([name, set]) => ({ type: 'repository', name, actions: [...set] })), ...others];
}

/** Whether scopes cover something. `*` is any action. */
export function covers(scopes: readonly Scope[], need: Need): boolean {
  const wanted = scopeOf(need);
  if (wanted === undefined) return need.repository === undefined;
  return scopes.some(
    ({ type, name, actions }) =>
      type === wanted.type &&
      name === wanted.name &&
      wanted.actions.every((action) => actions.includes(action) || actions.includes('*')),
  );
}

/** Whether a word names an action of repositories. */
export function isRepositoryAction(word: string): word is RepositoryAction {
  return (repositoryActions as readonly string[]).includes(word);
}
