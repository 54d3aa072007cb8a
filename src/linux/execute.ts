import { ptr } from 'bun:ffi';
import { fail } from '#std/errors';
import { check, lastErrno, libc, SystemCallError } from './errno.ts';

const library = libc({
  execve: { args: ['buffer', 'buffer', 'buffer'], returns: 'i32' },
  sigaction: { args: ['i32', 'buffer', 'buffer'], returns: 'i32' },
});

/** Says that a descriptor is ready, also one that another process keeps open. */
const SIGIO = 29;
const SIG_IGN = 1n;
/** glibc's struct sigaction on 64-bit machines; its first word is the handler. */
const actionBytes = 152;

/**
 * Has SIGIO ignored, one that has been sent already too; returns what takes that back. It would else end the next program,
 * which starts without a handler.
 */
function ignoreReadiness(): () => void {
  const ignoring = new BigUint64Array(actionBytes / 8);
  ignoring[0] = SIG_IGN;
  const before = new BigUint64Array(actionBytes / 8);
  check('sigaction', library().sigaction(SIGIO, ignoring, before));
  return () => void library().sigaction(SIGIO, before, ignoring);
}

/**
 * Replaces this process's program: execve(2). Process id, children, and descriptors that are not close-on-exec stay. Never
 * returns; throws when the kernel refuses, and nothing has changed then.
 */
export function replaceProgram(
  program: string,
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): never {
  const args = new WordTable(argv);
  const variables = new WordTable(
    Object.entries(environment).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`])),
  );
  const heedReadiness = ignoreReadiness();
  const result = library().execve(Buffer.from(`${program}\0`), args.pointers, variables.pointers);
  const error = new SystemCallError('execve', lastErrno(), program);
  heedReadiness();
  // Named here, so that what the pointers point to was not collected before the call.
  throw result < 0
    ? error
    : fail('internal', `execve returned, with ${args.size} words and ${variables.size} variables`);
}

/** Words as C has them: an array of pointers, ended by a null one. */
class WordTable {
  readonly #words: readonly Buffer[];
  readonly pointers: BigUint64Array;

  constructor(words: readonly string[]) {
    this.#words = words.map((word) => Buffer.from(`${word}\0`));
    this.pointers = BigUint64Array.from([...this.#words.map((word) => BigInt(ptr(word))), 0n]);
  }

  get size(): number {
    return this.#words.length;
  }
}
