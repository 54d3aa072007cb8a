import { fail, messageOf } from '#std/errors';
import type { Catalog } from '../catalog.ts';
import { type ContainerRecord, hasProcess } from '../record.ts';

/** A link of the default bridge: `target` is known to the container by `alias`. */
export interface Link {
  /** Id of the container linked to. */
  readonly target: string;
  readonly alias: string;
}

/** `name:alias`, or `/name:/parent/alias` as inspect shows it. */
function parseLink(text: string): { name: string; alias: string } {
  if (text === '') throw fail('invalid-argument', 'empty string specified for links');
  const [name = '', alias = name, ...more] = text.split(':');
  if (more.length > 0 || alias === '') throw fail('invalid-argument', `bad format for links: ${text}`);
  return name.startsWith('/') ? { name: name.slice(1), alias: alias.split('/').at(-1) ?? alias } : { name, alias };
}

/**
 * `HostConfig.Links` with ids in the place of names, which may be another container's tomorrow. Throws
 * `invalid-argument` for one that names no container, or one that has no network of its own to be reached in.
 */
export function resolveLinks(catalog: Catalog, links: readonly string[] | null): string[] | null {
  if (links === null) return null;
  return links.map((text) => {
    const { name, alias } = parseLink(text);
    let target: ContainerRecord;
    try {
      if (name === '') throw fail('invalid-argument', 'invalid name or ID supplied: ""');
      target = catalog.find(name);
    } catch (error) {
      throw fail('invalid-argument', `could not get container for ${name}: ${messageOf(error)}`, error);
    }
    if (target.hostConfig.NetworkMode === 'host') {
      throw fail(
        'invalid-argument',
        "conflicting options: host type networking can't be used with links. This would result in undefined behavior",
      );
    }
    return `${target.id}:${alias}`;
  });
}

/** The links of a record, as creation has resolved them. */
export function linksOf({ hostConfig }: ContainerRecord): Link[] {
  return (hostConfig.Links ?? []).map((text) => {
    const [target = '', alias = ''] = text.split(':');
    return { target, alias };
  });
}

/** The same as inspect shows them, by the names of this moment; null when no container is left to link to. */
export function shownLinks(catalog: Catalog, record: ContainerRecord): string[] | null {
  // In networks with names a link is the endpoint's.
  if (record.hostConfig.NetworkMode !== 'bridge') return null;
  const shown = linksOf(record).flatMap(({ target, alias }) => {
    const linked = catalog.get(target);
    return linked === undefined ? [] : [`/${linked.name}:/${record.name}/${alias}`];
  });
  return shown.length > 0 ? shown : null;
}

/** The names that links give to containers: id -> `/parent/alias`. */
export function linkNames(catalog: Catalog): Map<string, string[]> {
  const names = new Map<string, string[]>();
  for (const record of catalog.all()) {
    for (const { target, alias } of linksOf(record)) {
      names.set(target, [...(names.get(target) ?? []), `/${record.name}/${alias}`]);
    }
  }
  return names;
}

/** The container whose network a link leads to: that of the one it joins. */
function ownerOfNetwork(catalog: Catalog, record: ContainerRecord): ContainerRecord {
  const joined = /^container:(.+)$/.exec(record.hostConfig.NetworkMode)?.[1];
  return joined === undefined ? record : ownerOfNetwork(catalog, catalog.find(joined));
}

/** A container that another has a link to. */
export interface LinkedContainer {
  readonly alias: string;
  /** Path of the link, `/parent/alias`. */
  readonly path: string;
  readonly record: ContainerRecord;
  readonly address: string;
}

/**
 * The containers that a container on the default bridge has links to, with their addresses. Throws `internal`, in
 * Docker's words, for one that does not run; those that are gone are left out.
 */
export function linkedContainers(
  record: ContainerRecord,
  catalog: Catalog,
  addressOf: (containerId: string) => string | undefined,
): LinkedContainer[] {
  if (record.hostConfig.NetworkMode !== 'bridge') return [];
  return linksOf(record).flatMap(({ target, alias }) => {
    const linked = catalog.get(target);
    if (linked === undefined) return [];
    const path = `/${record.name}/${alias}`;
    if (!hasProcess(linked))
      throw fail('internal', `Cannot link to a non running container: /${linked.name} AS ${path}`);
    const address = addressOf(ownerOfNetwork(catalog, linked).id);
    return address === undefined ? [] : [{ alias, path, record: linked, address }];
  });
}

/**
 * Takes the link `parent/alias` away. Throws `not-found` when there is none, and `internal`, in Docker's words, for a
 * container's own name, which clients take for a link too.
 */
export function removeLink(catalog: Catalog, name: string): void {
  const [parent = '', alias] = name.replace(/^\//, '').split('/');
  if (alias === undefined) {
    catalog.find(name);
    throw fail('internal', 'Conflict, cannot remove the default link name of the container');
  }
  const owner = catalog.owner(parent);
  const record = owner === undefined ? undefined : catalog.get(owner);
  const left = (record?.hostConfig.Links ?? []).filter((link) => link.split(':')[1] !== alias);
  if (record === undefined || left.length === (record.hostConfig.Links ?? []).length) {
    throw fail('not-found', `No such container: ${name}`);
  }
  catalog.put({ ...record, hostConfig: { ...record.hostConfig, Links: left.length > 0 ? left : null } });
}
