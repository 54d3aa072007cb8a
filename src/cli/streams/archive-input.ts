import { accessSync } from 'node:fs';
import { fail } from '#std/errors';
import { systemErrorText } from '../values/system-errors.ts';

/**
 * The bytes of a file, or of standard input for `-`.
 * @throws `invalid-argument` when the file can't be read
 */
export function archiveInput(path: string): AsyncIterable<Uint8Array> {
  if (path === '-') return Bun.stdin.stream();
  try {
    accessSync(path);
  } catch (error) {
    throw fail('invalid-argument', `open ${path}: ${systemErrorText(error)}`, error);
  }
  return Bun.file(path).stream();
}
