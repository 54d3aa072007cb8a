import { nameMatcher } from '#dockerfile';
import { fileTypes } from '#linux/file-tree';
import { bytesOf, cleanPath, isType, type TreeDirectory, textOf, walk } from './walk.ts';

/** What wildcards are looked for in. */
export interface ListedDirectory<T> extends TreeDirectory<T> {
  /** Its names, in order. */
  list(): string[];
}

function hasWildcard(name: string): boolean {
  return /^(?:[^\\*?[]|\\.)*[*?[]/s.test(name);
}

/**
 * The paths that a path with wildcards stands for, in order; what comes before the first wildcard is resolved, what a wildcard finds
 * is no link that is followed. Without a wildcard it is the path itself, whether it is there or not.
 */
export function matchPaths<T extends ListedDirectory<T>>(root: T, path: string, followsLast: boolean): string[][] {
  const parts = cleanPath(path);
  const first = parts.findIndex(hasWildcard);
  if (first < 0) return [parts.map(bytesOf)];
  using way = walk(root, parts.slice(0, first).map(bytesOf), followsLast);
  if (way.file !== undefined || way.missing.length > 0) return [];
  const found: string[][] = [];
  match(way.directory, way.names, parts.slice(first).map(nameMatcher), found);
  return found;
}

function match<T extends ListedDirectory<T>>(
  directory: T,
  names: readonly string[],
  [matcher, ...rest]: readonly ((name: string) => boolean)[],
  found: string[][],
): void {
  if (matcher === undefined) return;
  for (const name of directory.list()) {
    if (!matcher(textOf(name))) continue;
    if (rest.length === 0) {
      found.push([...names, name]);
      continue;
    }
    const stat = directory.stat(name);
    if (stat === undefined || !isType(stat, fileTypes.directory)) continue;
    const below = directory.enter(name);
    try {
      match(below, [...names, name], rest, found);
    } finally {
      below.close();
    }
  }
}
