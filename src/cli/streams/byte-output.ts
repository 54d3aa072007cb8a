import { fileSystem } from '../builtins.ts';
import { CommandFailure } from '../failure.ts';

const brokenPipeExitCode = 141;
const retryMs = 1;

function writeSome(fd: number, bytes: Uint8Array): Promise<number> {
  return new Promise((resolve, reject) => {
    fileSystem().write(fd, bytes, 0, bytes.length, null, (error, written) =>
      error ? reject(error) : resolve(written),
    );
  });
}

/**
 * Writes all bytes to a descriptor without blocking the process: while a slow reader is waited for, signals are still
 * passed on. Resolves when the kernel has the bytes, which is how the engine is made to wait.
 */
export async function writeBytes(fd: number, bytes: Uint8Array): Promise<void> {
  let rest = bytes;
  while (rest.length > 0) {
    try {
      rest = rest.subarray(await writeSome(fd, rest));
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      if (code === 'EAGAIN') await Bun.sleep(retryMs);
      else if (code === 'EPIPE') throw new CommandFailure('', brokenPipeExitCode);
      else throw error;
    }
  }
}
