import { fail } from '#std/errors';

const longestPathBytes = 4095;
const longestNameBytes = 255;

/** Order of a walk: a directory comes before what is in it, and names are compared as bytes. Below, at or above zero. */
export function comparePaths(one: string, other: string): number {
  const length = Math.min(one.length, other.length);
  for (let index = 0; index < length; index++) {
    const [left, right] = [one.charCodeAt(index), other.charCodeAt(index)];
    if (left !== right) return (left === 0x2f ? 0 : left) - (right === 0x2f ? 0 : right);
  }
  return one.length - other.length;
}

function requireClean(path: string): void {
  const isClean =
    path !== '' &&
    path.length <= longestPathBytes &&
    !path.includes('\0') &&
    path.split('/').every((part) => part !== '' && part !== '.' && part !== '..' && part.length <= longestNameBytes);
  if (!isClean) throw fail('invalid-argument', `invalid path in file transfer: ${JSON.stringify(path.slice(0, 300))}`);
}

/**
 * Checks that paths come in the order of a walk, each below a directory that came before it: then no name is there twice, and
 * nothing can be put where something else than a directory is.
 */
export class OrderGuard {
  #last = '';
  readonly #directories: string[] = [];

  /** Throws `invalid-argument`. */
  accept(path: string): void {
    requireClean(path);
    if (this.#last !== '' && comparePaths(path, this.#last) <= 0) {
      throw fail('invalid-argument', `changes out of order: ${JSON.stringify(path)} ${JSON.stringify(this.#last)}`);
    }
    this.#last = path;
    const slash = path.lastIndexOf('/');
    const parent = slash === -1 ? '' : path.slice(0, slash);
    while (this.#directories.length > 0 && this.#directories.at(-1) !== parent) {
      // Whoever is not above this path is not above any later one.
      if (parent.startsWith(`${this.#directories.at(-1)}/`)) break;
      this.#directories.pop();
    }
    if (parent !== (this.#directories.at(-1) ?? '')) {
      throw fail(
        'invalid-argument',
        `invalid path in file transfer: the parent of ${JSON.stringify(path)} is no directory`,
      );
    }
  }

  /** The path that was accepted last is a directory. */
  noteDirectory(): void {
    this.#directories.push(this.#last);
  }
}
