import { fileSystem } from '../builtins.ts';
import { CommandFailure } from '../failure.ts';

/** Exit code of a process that a broken pipe ends, as a shell reports it. */
const brokenPipeExitCode = 141;

function write(fd: number, text: string): void {
  let rest: Uint8Array = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(fileSystem().writeSync(fd, rest));
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      // A parent may have made the pipe non-blocking; there is nothing else to do here than to wait for its reader.
      if (code === 'EAGAIN') Bun.sleepSync(1);
      else if (code === 'EPIPE') throw new CommandFailure('', brokenPipeExitCode);
      else throw error;
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
