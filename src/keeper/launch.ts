import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import type { Subprocess } from 'bun';

/** Starts a keeper that outlives this process; it writes what it has to say to `keeper.log` in the exec root. */
export function launchKeeper(execRoot: string, command: readonly string[]): Subprocess {
  mkdirSync(execRoot, { recursive: true, mode: 0o711 });
  const output = openSync(join(execRoot, 'keeper.log'), 'a', 0o600);
  try {
    const child = Bun.spawn([...command], {
      stdio: ['ignore', output, output],
      cwd: '/',
      detached: true,
      env: {
        ...process.env,
        ESTIBA_EXEC_ROOT: execRoot,
        // Writes to a log wait in Bun's thread pool, whose size this sets: a disk that hangs must not use it up.
        UV_THREADPOOL_SIZE: '16',
      },
    });
    child.unref();
    return child;
  } finally {
    closeSync(output);
  }
}
