import { fileSystem } from '../builtins.ts';

/**
 * What ends in a line feed, as nearly all that is printed does, goes through `console`, which is native and takes 0.1 ms
 * where `node:fs` is 3 ms of loading. (Bun's own writers are as fast, but leave a pipe that we share with others in
 * non-blocking mode, on which those then fail.) That a reader has gone is not noticed here: `writeBytes` is for output
 * that goes on.
 */
function write(fd: 1 | 2, text: string): void {
  if (text === '') return;
  // On a terminal `console.error` colours what it writes, which is not ours.
  if (!text.endsWith('\n') || (fd === 2 && process.stderr.isTTY)) writeAll(fd, Buffer.from(text));
  else if (fd === 1) console.log(text.slice(0, -1));
  else console.error(text.slice(0, -1));
}

function writeAll(fd: number, bytes: Uint8Array): void {
  let rest = bytes;
  while (rest.length > 0) {
    try {
      rest = rest.subarray(fileSystem().writeSync(fd, rest));
    } catch (error) {
      // A parent may have made the pipe non-blocking; there is nothing else to do here than to wait for its reader.
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) return;
      Bun.sleepSync(1);
    }
  }
}

/** Writes text to standard output. */
export function writeOut(text: string): void {
  write(1, text);
}

/** Writes text to standard error. */
export function writeErr(text: string): void {
  write(2, text);
}
