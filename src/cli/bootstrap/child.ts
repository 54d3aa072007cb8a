import { fail } from '#std/errors';

/**
 * Runs a program to its end and returns its standard output. Throws `unavailable` when the program is missing, and
 * `internal` with the last lines that it wrote when it fails.
 */
export async function runProgram(command: readonly string[], directory: string, signal: AbortSignal): Promise<string> {
  const [program = ''] = command;
  if (Bun.which(program) === null)
    throw fail('unavailable', `${program} is missing: install the package that brings it`);
  const child = Bun.spawn([...command], {
    cwd: directory,
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    // Whatever a package's scripts print or sort must not depend on who runs this.
    env: { PATH: process.env.PATH ?? '', LC_ALL: 'C.UTF-8', DEBIAN_FRONTEND: 'noninteractive', HOME: directory },
    signal,
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  await child.exited;
  signal.throwIfAborted();
  if (child.exitCode !== 0) {
    const last = `${stderr}\n${stdout}`.trim().split('\n').slice(-5).join('; ');
    throw fail('internal', `${program} exited ${child.exitCode}: ${last}`);
  }
  return stdout;
}
