import { fail } from '#std/errors';
import type { StepRun } from '../solver/types.ts';

/** How git reaches one repository. */
export interface GitAccess {
  /** Settings for this address alone, as git takes them from its environment: no secret is in a command line. */
  readonly settings: readonly (readonly [key: string, value: string])[];
  readonly environment: Readonly<Record<string, string>>;
}

/** What a call of git came to. */
export class GitFailure extends Error {
  override readonly name = 'GitFailure';
  constructor(
    readonly exitCode: number,
    readonly stderr: string,
  ) {
    super(`git stderr:\n${stderr}: exit status ${exitCode}`);
  }
}

/** Nothing of this host's own configuration counts, and nobody is asked for a password. */
const surroundings = {
  GIT_TERMINAL_PROMPT: '0',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  HOME: '/dev/null',
  LC_ALL: 'C',
};

/** No answer is larger: a list of all names of a large repository. */
const outputLimitBytes = 64 * 1024 * 1024;

function environmentOf({ settings, environment }: GitAccess): Record<string, string> {
  const entries = settings.flatMap(([key, value], index) => [
    [`GIT_CONFIG_KEY_${index}`, key],
    [`GIT_CONFIG_VALUE_${index}`, value],
  ]);
  const { PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', ...rest } = process.env;
  const proxies = Object.entries(rest).filter(([name]) => /^(?:https?|no|all)_proxy$/i.test(name));
  return {
    PATH,
    ...(Object.fromEntries(proxies) as Record<string, string>),
    ...surroundings,
    ...environment,
    GIT_CONFIG_COUNT: String(settings.length),
    ...(Object.fromEntries(entries) as Record<string, string>),
  };
}

async function drain(stream: ReadableStream<Uint8Array>, onData: (data: Uint8Array) => void): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.length;
    if (bytes <= outputLimitBytes) chunks.push(chunk);
    onData(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/**
 * Runs git and gives its standard output; all that it says goes into the step's log. Throws `GitFailure`, or `unavailable` where
 * there is no git.
 */
export async function git(
  words: readonly string[],
  access: GitAccess,
  { signal, onLog }: Pick<StepRun, 'signal' | 'onLog'>,
): Promise<string> {
  signal.throwIfAborted();
  const program = Bun.which('git');
  if (program === null) throw fail('unavailable', 'git is not installed on the engine’s host');
  // Modes of files are as with everybody's umask, whatever the engine's is.
  const command = ['/bin/sh', '-c', 'umask 022 && exec "$@"', 'git', program, ...words];
  const child = Bun.spawn(command, {
    env: environmentOf(access),
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    cwd: '/',
    detached: true,
  });
  // Its own children go with it.
  const kill = (): void => {
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      child.kill('SIGKILL');
    }
  };
  signal.addEventListener('abort', kill, { once: true });
  try {
    const [stdout, stderr, exitCode] = await Promise.all([
      drain(child.stdout, (data) => void onLog(1, data)),
      drain(child.stderr, (data) => void onLog(2, data)),
      child.exited,
    ]);
    signal.throwIfAborted();
    if (exitCode !== 0) throw new GitFailure(exitCode, stderr);
    return stdout;
  } finally {
    signal.removeEventListener('abort', kill);
  }
}
