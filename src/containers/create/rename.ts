import type { Events } from '#events';
import type { Networks } from '#networks';
import { fail, messageOf } from '#std/errors';
import { announce } from '../announce.ts';
import type { Catalog } from '../catalog.ts';
import { checkedName } from './names.ts';

/** What a container's name is kept in. */
export interface RenameParts {
  readonly catalog: Catalog;
  readonly events: Events;
  readonly networks: Pick<Networks, 'rename'>;
}

/** Gives a container another name, by which others in its networks find it at once. */
export async function rename({ catalog, events, networks }: RenameParts, name: string, newName: string): Promise<void> {
  const record = catalog.find(name);
  if (newName === '') throw fail('invalid-argument', 'Neither old nor new names may be empty');
  if (newName.replace(/^\//, '') === record.name) {
    throw fail('invalid-argument', 'Renaming a container with the same name as its current name');
  }
  const owner = catalog.owner(newName.replace(/^\//, ''));
  if (owner !== undefined) {
    throw fail(
      'conflict',
      `Error when allocating new name: Conflict. The container name "/${newName.replace(/^\//, '')}" is already in use by container "${owner}". You have to remove (or rename) that container to be able to reuse that name.`,
    );
  }
  let checked: string;
  try {
    checked = checkedName(newName);
  } catch (error) {
    throw fail('invalid-argument', `Error when allocating new name: ${messageOf(error).replace('(', '(/')}`);
  }
  catalog.put({ ...record, name: checked });
  announce(events, { ...record, name: checked }, 'rename', { oldName: `/${record.name}` });
  await networks.rename(record.id, checked);
}
