import type { OciUser } from '#oci';
import { fail } from '#std/errors';

const largestId = 2147483647;

interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

interface Group {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

/** A user of a container, with its home directory (`/` where the container does not say). */
export type ContainerUser = OciUser & { readonly home: string };

/** The texts of a container's /etc/passwd and /etc/group; empty where it has none. */
export interface UserDatabase {
  readonly passwd: string;
  readonly group: string;
}

function rows(text: string): string[][] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(':'));
}

function accounts(text: string): Account[] {
  return rows(text).map(([name = '', , uid = '0', gid = '0', , home = '']) => ({
    name,
    uid: Number(uid),
    gid: Number(gid),
    home,
  }));
}

function groups(text: string): Group[] {
  return rows(text).map(([name = '', , gid = '0', members = '']) => ({
    name,
    gid: Number(gid),
    members: members.split(','),
  }));
}

/** The number that a text is, checked for its range; undefined when it is a name. */
function idNumber(text: string): number | undefined {
  if (!/^[+-]?\d+$/.test(text)) return undefined;
  const number = Number(text);
  if (number < 0 || number > largestId) throw fail('internal', `uids and gids must be in range 0-${largestId}`);
  return number;
}

function findGroup(wanted: string, all: readonly Group[]): number {
  const named = all.find(({ name }) => name === wanted);
  if (named !== undefined) return named.gid;
  const number = idNumber(wanted);
  if (number === undefined) {
    throw fail('internal', `unable to find group ${wanted}: no matching entries in group file`);
  }
  return number;
}

function findAccount(wanted: string, all: readonly Account[]): Account {
  const named = all.find(({ name }) => name === wanted);
  if (named !== undefined) return named;
  const uid = wanted === '' ? 0 : idNumber(wanted);
  if (uid === undefined) throw fail('internal', `unable to find user ${wanted}: no matching entries in passwd file`);
  return all.find((account) => account.uid === uid) ?? { name: '', uid, gid: 0, home: '' };
}

/**
 * The user `name`, `uid`, `name:group` or `uid:gid` of a container (Docker Engine API, ContainerConfig.User), with the
 * groups it belongs to and those of `groupAdd`. A group that is named replaces those of the group file. Throws
 * `internal` for a name that the container does not know.
 */
export function resolveUser(user: string, database: UserDatabase, groupAdd: readonly string[] = []): ContainerUser {
  const [, userPart = '', groupPart = ''] = /^([^:]*):?(.*)$/s.exec(user) ?? [];
  const account = findAccount(userPart, accounts(database.passwd));
  const known = groups(database.group);
  const gid = groupPart === '' ? account.gid : findGroup(groupPart, known);
  const memberships =
    groupPart === '' && account.name !== ''
      ? known.filter(({ members }) => members.includes(account.name)).map((group) => group.gid)
      : [];
  const added = groupAdd.map((name) => findGroup(name, known));
  const additionalGids = [...new Set([gid, ...memberships, ...added])];
  return { uid: account.uid, gid, additionalGids, home: account.home || '/' };
}
