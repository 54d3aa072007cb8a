import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What a program said, and how it ended. */
export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** Added to this process's; undefined takes one away. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly input?: string | Uint8Array;
  /** Where it starts; the present directory by default. */
  readonly directory?: string;
  /** The program is killed after this long, and the code is then 137. */
  readonly timeoutMs?: number;
}

/** Runs a program to its end; a non-zero exit is no error here. */
export async function run(command: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const child = Bun.spawn([...command], {
    stdin: options.input === undefined ? 'ignore' : Buffer.from(options.input),
    stdout: 'pipe',
    stderr: 'pipe',
    env: { ...process.env, ...options.environment },
    ...(options.directory === undefined ? {} : { cwd: options.directory }),
    timeout: options.timeoutMs ?? 60_000,
    killSignal: 'SIGKILL',
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  await child.exited;
  return { code: child.exitCode ?? 128 + 9, stdout, stderr };
}

/**
 * Polls until `probe` gives something other than undefined or false, and returns that. Rejects after `deadlineMs`
 * with `what` and the last error that the probe threw.
 */
export async function until<T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  deadlineMs = 15_000,
): Promise<T> {
  const deadline = Date.now() + deadlineMs;
  let lastError: unknown;
  for (;;) {
    try {
      const value = await probe();
      if (value !== undefined && value !== false) return value;
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    if (Date.now() > deadline) {
      throw new Error(`waited ${deadlineMs} ms in vain: ${what}`, { cause: lastError });
    }
    await Bun.sleep(10);
  }
}

/** Whether a process is there and not a zombie. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** Processes of this host whose command line holds `text`, this one excepted. */
export function processesNaming(text: string): { pid: number; command: string }[] {
  return readdirSync('/proc').flatMap((entry) => {
    if (!/^\d+$/.test(entry) || Number(entry) === process.pid) return [];
    try {
      const command = readFileSync(join('/proc', entry, 'cmdline'), 'utf8')
        .replaceAll('\0', ' ')
        .trim();
      return command.includes(text) && isAlive(Number(entry)) ? [{ pid: Number(entry), command }] : [];
    } catch {
      return [];
    }
  });
}

/** Kills a process with signal 9 and waits until it is gone. */
export async function killHard(pid: number): Promise<void> {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    return;
  }
  await until(`process ${pid} to be gone`, () => !isAlive(pid));
}

/** The docker CLI that tests drive: DOCKER_CLI, one on PATH, or the one that `npm test` fetched. */
export function dockerCli(): string {
  const fetched = join(import.meta.dir, '../../node_modules/.cache/docker-cli/usr/bin/docker');
  const found = process.env.DOCKER_CLI ?? Bun.which('docker') ?? (existsSync(fetched) ? fetched : undefined);
  if (found === undefined) throw new Error('no docker CLI: run the tests by `npm test`, which fetches one');
  return found;
}

/** A docker CLI that speaks BuildKit without a plugin: OLD_DOCKER_CLI, or the one that `npm test` fetched. */
export function oldDockerCli(): string {
  const fetched = join(import.meta.dir, '../../node_modules/.cache/docker-cli-bookworm/usr/bin/docker');
  const found = process.env.OLD_DOCKER_CLI ?? (existsSync(fetched) ? fetched : undefined);
  if (found === undefined)
    throw new Error('no docker CLI of Debian 12: run the tests by `npm test`, which fetches one');
  return found;
}

/** The stock buildx that tests drive: BUILDX, or the one that `npm test` fetched. */
export function buildx(): string {
  const fetched = join(
    import.meta.dir,
    '../../node_modules/.cache/docker-buildx/usr/libexec/docker/cli-plugins/docker-buildx',
  );
  const found = process.env.BUILDX ?? (existsSync(fetched) ? fetched : undefined);
  if (found === undefined) throw new Error('no buildx: run the tests by `npm test`, which fetches one');
  return found;
}

/** The lines of what a process says, as they come. */
export async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of stream.pipeThrough(new TextDecoderStream() as never) as unknown as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
}
