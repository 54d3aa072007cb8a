import { ptr } from 'bun:ffi';
import { fail } from '#std/errors';
import { check, lastErrno, libc, SystemCallError } from './errno.ts';

const library = libc({
  execve: { args: ['buffer', 'buffer', 'buffer'], returns: 'i32' },
  sigaction: { args: ['i32', 'buffer', 'buffer'], returns: 'i32' },
});

/**
 * Signals that come by themselves: by SIGPWR the collector's threads hold up the others, SIGIO says that a descriptor is
 * ready, also one that another process keeps open.
 */
const unaskedSignals = { SIGIO: 29, SIGPWR: 30 };
const SIG_IGN = 1n;
/** glibc's struct sigaction on 64-bit machines; its first word is the handler. */
const actionBytes = 152;

/**
 * Has unasked signals ignored, those too that have been sent already; returns what takes that back. They would else end
 * the next program, which starts without handlers.
 */
function ignoreUnaskedSignals(): () => void {
  const ignoring = new BigUint64Array(actionBytes / 8);
  ignoring[0] = SIG_IGN;
  const undo = Object.values(unaskedSignals).map((signal) => {
    const before = new BigUint64Array(actionBytes / 8);
    check('sigaction', library().sigaction(signal, ignoring, before));
    return () => library().sigaction(signal, before, new BigUint64Array(actionBytes / 8));
  });
  return () => {
    for (const one of undo) one();
  };
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
  const heedSignals = ignoreUnaskedSignals();
  const result = library().execve(Buffer.from(`${program}\0`), args.pointers, variables.pointers);
  const error = new SystemCallError('execve', lastErrno(), program);
  heedSignals();
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
