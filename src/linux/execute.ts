import { ptr } from 'bun:ffi';
import { fail } from '#std/errors';
import { check, libc } from './errno.ts';

const library = libc({ execve: { args: ['buffer', 'ptr', 'ptr'], returns: 'i32' } });

/**
 * Replaces this process's program: execve(2). Process id, children, and descriptors that are not close-on-exec stay. Never
 * returns; throws when the kernel refuses, and nothing has changed then.
 */
export function replaceProgram(
  program: string,
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): never {
  const words = (list: readonly string[]): Buffer[] => list.map((word) => Buffer.from(`${word}\0`));
  const table = (list: readonly Buffer[]): BigUint64Array =>
    BigUint64Array.from([...list.map((word) => BigInt(ptr(word))), 0n]);
  const args = words(argv);
  const variables = words(
    Object.entries(environment).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`])),
  );
  check('execve', library().execve(Buffer.from(`${program}\0`), ptr(table(args)), ptr(table(variables))), program);
  throw fail('internal', 'execve returned');
}
