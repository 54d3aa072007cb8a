import { check, libc } from './errno.ts';

const workingDirectory = -100;
const exchange = 2;

const library = libc({
  renameat2: { args: ['i32', 'buffer', 'i32', 'buffer', 'u32'], returns: 'i32' },
});

/** Has two files or directories of one file system change places, in one step (renameat2(2)). Throws `SystemCallError`. */
export function exchangePaths(one: string, other: string): void {
  const [left, right] = [Buffer.from(`${one}\0`), Buffer.from(`${other}\0`)];
  check('renameat2', library().renameat2(workingDirectory, left, workingDirectory, right, exchange), one);
}
