import { closeSync, constants, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { hasCode } from '#linux/errno';
import { log } from '#std/log';
import type { Catalog } from '../catalog.ts';
import type { ContainerPaths } from '../paths.ts';
import { type ContainerRecord, hasProcess } from '../record.ts';
import { type LinkedContainer, linksOf } from './links.ts';

/** The lines of /etc/hosts for links: by alias, host name and name. */
export function linkLines(links: readonly LinkedContainer[]): string {
  return links
    .map(({ alias, address, record }) => {
      const names = [...new Set([alias, record.config.Hostname, record.name])].filter((name) => name !== '');
      return `${address}\t${names.join(' ')}\n`;
    })
    .join('');
}

/** What is longer is no list of hosts: the container has written something else there. */
const longestBytes = 1024 * 1024;

function rewrite(descriptor: number, aliases: readonly string[], address: string): void {
  const { size } = fstatSync(descriptor);
  if (size > longestBytes) return;
  const buffer = Buffer.alloc(size);
  const text = buffer.toString('utf8', 0, readSync(descriptor, buffer, 0, size, 0));
  const next = text.replace(/^(\S+)\t(\S+)/gm, (line, _former: string, name: string) =>
    aliases.includes(name) ? `${address}\t${name}` : line,
  );
  if (next === text) return;
  // In place: the container has the file itself mounted.
  ftruncateSync(descriptor, writeSync(descriptor, Buffer.from(next), 0, undefined, 0));
}

/** The container may have made of its file what it will, and may hold a lease on it: nothing here waits for it. */
export function updateFile(path: string, aliases: readonly string[], address: string): void {
  let descriptor: number;
  try {
    descriptor = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return;
    if (!hasCode(error, 'EAGAIN')) throw error;
    log('warn', 'a container holds a lease on its list of hosts: it is not told of a new address', { path });
    return;
  }
  try {
    rewrite(descriptor, aliases, address);
  } finally {
    closeSync(descriptor);
  }
}

/** Tells the running containers that have links to one which has just started its address. */
export function updateLinkedHosts(
  started: ContainerRecord,
  address: string,
  catalog: Catalog,
  paths: ContainerPaths,
): void {
  for (const record of catalog.all()) {
    if (!hasProcess(record) || record.hostConfig.Links === null) continue;
    const aliases = linksOf(record).flatMap(({ target, alias }) => (target === started.id ? [alias] : []));
    if (aliases.length > 0) updateFile(paths.hosts(record.id), aliases, address);
  }
}
