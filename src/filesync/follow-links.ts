import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { posix } from 'node:path';
import { createIgnoreMatcher } from '#dockerfile';

/** A link that leads round in circles is given up at last. */
const stepsLimit = 255;

function place(directory: string, path: string): Buffer {
  return Buffer.from(`${directory}/${path}`, 'latin1');
}

function linkAt(directory: string, path: string): string | undefined {
  try {
    if (!lstatSync(place(directory, path)).isSymbolicLink()) return undefined;
    return readlinkSync(place(directory, path), { encoding: 'buffer' }).toString('latin1');
  } catch {
    return undefined;
  }
}

function namesIn(directory: string, path: string): string[] {
  try {
    return readdirSync(place(directory, path), { encoding: 'buffer' }).map((name) => name.toString('latin1'));
  } catch {
    return [];
  }
}

/** Where the links lead that a name, perhaps one with wildcards, stands for; none when it stands for no link. */
function targetsOf(directory: string, path: string): string[] {
  const { dir, base } = posix.parse(path);
  if (!/[*?[\\]/.test(base)) return targetOf(directory, path);
  const matcher = createIgnoreMatcher([base]);
  return namesIn(directory, dir).flatMap((name) =>
    matcher.matches(name) ? targetOf(directory, posix.join(dir, name)) : [],
  );
}

function targetOf(directory: string, path: string): string[] {
  const link = linkAt(directory, path);
  // The directory is the root of it all: nothing leads above it.
  return link === undefined ? [] : [posix.join('/', posix.dirname(path), link.startsWith('/') ? '/' : '', link)];
}

/**
 * Patterns for `paths` together with all that their symlinks lead to within the directory. Undefined when that is everything.
 * Paths are byte strings.
 */
export function followLinks(directory: string, paths: readonly string[]): string[] | undefined {
  const found = new Set<string>();
  const queue = paths.map((path) => posix.join('/', path).slice(1));
  for (let steps = 0, next = queue.pop(); next !== undefined && steps < stepsLimit * (paths.length + 1); steps++) {
    queue.push(...followOne(directory, next, found));
    next = queue.pop();
  }
  const sorted = [...found].sort();
  if (sorted[0] === '') return undefined;
  let last: string | undefined;
  return sorted.filter((path) => {
    if (last !== undefined && path.startsWith(`${last}/`)) return false;
    last = path;
    return true;
  });
}

/** Goes down one path up to its first link; what comes back is to be followed next. */
function followOne(directory: string, path: string, found: Set<string>): string[] {
  const parts = path.replace(/\/+$/, '').split('/');
  for (let depth = 1; depth <= parts.length; depth++) {
    const current = parts.slice(0, depth).join('/');
    const targets = current === '' ? [] : targetsOf(directory, current);
    if (targets.length === 0) continue;
    const isKnown = found.has(current);
    found.add(current);
    const rest = parts.slice(depth).join('/');
    return isKnown && rest === '' ? [] : targets.map((target) => posix.join(target, rest).slice(1));
  }
  found.add(parts.join('/'));
  return [];
}
