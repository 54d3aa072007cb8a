import { readFileSync, writeFileSync } from 'node:fs';
import { hasCode } from '#linux/errno';
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

function updateFile(path: string, aliases: readonly string[], address: string): void {
  try {
    const text = readFileSync(path, 'utf8');
    const next = text.replace(/^(\S+)\t(\S+)/gm, (line, _former: string, name: string) =>
      aliases.includes(name) ? `${address}\t${name}` : line,
    );
    // In place: the container has the file itself mounted.
    if (next !== text) writeFileSync(path, next);
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
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
