import { type Rule, repositoryActions } from '#registry';
import { messageOf } from '#std/errors';
import { checkKeys, isMapping, isTexts, type Mapping, readMapping, refuse, type Values } from './values.ts';

/** Who may do what: rules, and the users of the groups in them. */
export interface Rights {
  readonly rights: readonly Rule[];
  readonly groups: Readonly<Record<string, readonly string[]>>;
}

function ruleOf(value: unknown, index: number): Rule {
  const where = `rights[${index}]`;
  if (!isMapping(value)) throw refuse(`${where} is no mapping`);
  checkKeys(value, ['user', 'group', 'anonymous', 'repositories', 'actions'], where);
  const { user, group, anonymous, repositories, actions } = value;
  if ([user, group, anonymous].filter((who) => who !== undefined).length !== 1) {
    throw refuse(`${where}: one of user, group and anonymous is needed`);
  }
  for (const name of [user, group]) {
    if (name !== undefined && (typeof name !== 'string' || name === '')) throw refuse(`${where}: ${name} is no name`);
  }
  if (anonymous !== undefined && anonymous !== true) throw refuse(`${where}: anonymous can only be true`);
  if (!isTexts(repositories)) throw refuse(`${where}: repositories must be a list of patterns`);
  const known: readonly string[] = repositoryActions;
  if (!isTexts(actions) || !actions.every((action) => known.includes(action))) {
    throw refuse(`${where}: actions must be a list of ${known.join(', ')}`);
  }
  return value as unknown as Rule;
}

/** Rules from a mapping of `groups: {NAME: [USER]}` and `rights: [RULE]`. Throws `invalid-argument`, naming the place. */
export function rightsOf({ groups = {}, rights }: Mapping): Rights {
  if (!isMapping(groups) || !Object.values(groups).every(isTexts)) {
    throw refuse('groups must map names to lists of users');
  }
  // Rules of which there is none would allow all, which nobody means who writes them.
  if (!Array.isArray(rights) || rights.length === 0) throw refuse('rights must be a list with a rule in it');
  return { rights: rights.map(ruleOf), groups: groups as Record<string, string[]> };
}

/** The rules that are set: in a file of their own, or beside the other settings. */
export function readRights(values: Values): Rights {
  const [rights, groups] = [values.raw('rights'), values.raw('groups')];
  if (rights === undefined || rights === '') {
    if (groups !== undefined) throw refuse('groups: there are no rights');
    return { rights: [], groups: {} };
  }
  if (typeof rights !== 'string') return rightsOf({ rights, ...(groups !== undefined && { groups }) });
  if (groups !== undefined) throw refuse(`groups: they are in ${rights}`);
  try {
    const mapping = readMapping(rights);
    checkKeys(mapping, ['groups', 'rights'], 'rights file');
    return rightsOf(mapping);
  } catch (error) {
    throw refuse(`rights ${rights}: ${messageOf(error)}`);
  }
}
