import { fail } from '#std/errors';
import { fileSystem } from '../builtins.ts';
import { systemErrorText } from '../values/system-errors.ts';

/**
 * The bytes of a file, or of standard input for `-`.
 * @throws `invalid-argument` when the file can't be read
 */
export function archiveInput(path: string): AsyncIterable<Uint8Array> {
  if (path === '-') return Bun.stdin.stream();
  try {
    fileSystem().accessSync(path);
  } catch (error) {
    throw fail('invalid-argument', `open ${path}: ${systemErrorText(error)}`, error);
  }
  return Bun.file(path).stream();
}

/** How large a file is; undefined for standard input, and for what has no size of its own. */
export function archiveBytes(path: string): number | undefined {
  if (path === '' || path === '-') return undefined;
  const stats = fileSystem().statSync(path, { throwIfNoEntry: false });
  return stats?.isFile() ? stats.size : undefined;
}
