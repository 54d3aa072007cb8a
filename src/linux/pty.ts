import { dlopen, ptr } from 'bun:ffi';
import { lazy } from '#std/lazy';
import { check } from './errno.ts';

const openLibrary = lazy(() => dlopen('libc.so.6', { ioctl: { args: ['i32', 'u64', 'ptr'], returns: 'i32' } }).symbols);

const TIOCSWINSZ = 0x5414n;

/** Sets the size of the terminal behind a master; its foreground processes get SIGWINCH: TIOCSWINSZ(2const). */
export function setWindowSize(master: number, rows: number, columns: number): void {
  const size = new Uint16Array([rows, columns, 0, 0]);
  check('ioctl TIOCSWINSZ', openLibrary().ioctl(master, TIOCSWINSZ, ptr(size)));
}
