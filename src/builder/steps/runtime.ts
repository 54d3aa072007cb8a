import { closeSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runtimeWords } from '#containers';
import { killAll, removeCgroup, removeCgroupSoon } from '#linux/cgroups';
import { makeCapture } from '#linux/fifo';
import { killWithChildren } from '#linux/process';
import { messageOf } from '#std/errors';
import { log } from '#std/log';
import { type OnOutput, StepOutput } from './step-output.ts';

/** One run of the OCI runtime. */
export interface RuntimeRequest {
  readonly runtime: string;
  readonly id: string;
  /** Holds `config.json`, and takes the runtime's own files. */
  readonly directory: string;
  readonly cgroupsPath: string;
  /** First word of the command, for error texts. */
  readonly program: string;
  readonly onOutput: OnOutput;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** How it ended. */
export interface RuntimeEnd {
  readonly exitCode: number;
  /** Why the process never began, in runc's words on standard error. */
  readonly startFailure?: string;
}

async function drain(descriptor: number, take: (data: Uint8Array) => void | Promise<void>): Promise<void> {
  try {
    for await (const data of Bun.file(descriptor).stream()) await take(data);
  } finally {
    closeSync(descriptor);
  }
}

/** How long a runtime that was killed is waited for. */
const endingMs = 2000;

/** In runc's words. */
function wordsOf(program: string, reason: string): string {
  const nameless = 'exec: "": executable file not found in $PATH';
  const text = program === '' ? nameless : (runtimeWords(program, reason)?.text ?? reason);
  return `runc run failed: unable to start container process: ${text}`;
}

/** What the runtime complains of in its log (JSON lines), the last one; undefined when it does not. */
function complaint(path: string): string | undefined {
  try {
    const lines = readFileSync(path, 'utf8').trim().split('\n');
    for (const line of lines.reverse()) {
      const { msg, level } = JSON.parse(line) as { msg?: unknown; level?: unknown };
      if (typeof msg === 'string' && level !== 'warning' && level !== 'debug') return msg;
    }
  } catch {
    // None, or not finished.
  }
  return undefined;
}

/** Ends the runtime that a killed engine has left with a step: else it would write into the directory that is removed. */
export async function endRuntime(directory: string, id: string): Promise<void> {
  let pid: number;
  try {
    pid = Number(readFileSync(join(directory, 'runtime.pid'), 'utf8'));
  } catch {
    return;
  }
  const isIt = (): boolean => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(id);
    } catch {
      return false;
    }
  };
  if (!(pid > 0) || !isIt()) return;
  killWithChildren(pid);
  const deadline = performance.now() + endingMs;
  while (isIt() && performance.now() < deadline) await Bun.sleep(1);
}

/** The command that runs what `config.json` in `directory` says; the runtime's own files go there too. */
export function runCommand(runtime: string, directory: string, id: string): string[] {
  const files = ['--root', join(directory, 'runtime'), '--log', join(directory, 'runtime.log')];
  const options = [...files, '--log-format', 'json', '--cgroup-manager=cgroupfs'];
  return [runtime, ...options, 'run', '--bundle', directory, '--pid-file', join(directory, 'pid'), id];
}

/** Why the runtime could not start the process; undefined when it has: then what it complains of is no concern of anybody's. */
function startFailureOf(directory: string): string | undefined {
  return existsSync(join(directory, 'pid')) ? undefined : complaint(join(directory, 'runtime.log'));
}

/** How a process ended, and, when it never began, what the runtime says of that. */
export function runtimeEnd(exitCode: number, directory: string, program: string): RuntimeEnd {
  const reason = exitCode === 0 ? undefined : startFailureOf(directory);
  if (reason === undefined) return { exitCode };
  return { exitCode, startFailure: wordsOf(program, reason) };
}

/** Ends a runtime and the process that it runs. Nobody waits for it: the runtime's own end tells. */
export function killRuntime(pid: number, cgroupsPath: string): void {
  killWithChildren(pid);
  killAll(cgroupsPath).catch((error: unknown) =>
    log('warn', 'a process of a build is not killed', { error: messageOf(error) }),
  );
}

/** Removes all that is left of a process: what runs, and its cgroup. */
export async function clearCgroup(path: string): Promise<void> {
  if (removeCgroup(path)) return;
  await killAll(path);
  if (!(await removeCgroupSoon(path))) log('warn', 'the cgroup of a build step is still busy', { path });
}

/**
 * Runs a process by `crun run`, a child of this one, until it has ended and all of its output is taken. With its first process
 * all others of its pid namespace end.
 */
export async function runRuntime(request: RuntimeRequest): Promise<RuntimeEnd> {
  const { runtime, id, directory, cgroupsPath, program, onOutput, signal } = request;
  const [stdout, stderr] = [makeCapture(), makeCapture()];
  const child = Bun.spawn(runCommand(runtime, directory, id), {
    stdio: ['ignore', stdout.writeEnd, stderr.writeEnd],
    cwd: '/',
  });
  closeSync(stdout.writeEnd);
  closeSync(stderr.writeEnd);
  writeFileSync(join(directory, 'runtime.pid'), String(child.pid));
  const kill = (): void => killRuntime(child.pid, cgroupsPath);
  signal.addEventListener('abort', kill, { once: true });
  if (signal.aborted) kill();
  // What it has started would go on without it, and nobody would be told how that ends.
  void child.exited.then(() => child.signalCode === null || kill());
  const failsToStart = async (): Promise<boolean> =>
    (await child.exited) !== 0 && startFailureOf(directory) !== undefined;
  const output = new StepOutput(onOutput, failsToStart);
  try {
    await Promise.all([
      drain(stdout.readEnd, (data) => output.stdout(data)),
      drain(stderr.readEnd, (data) => output.stderr(data)),
      child.exited,
    ]);
  } catch (error) {
    kill();
    await child.exited;
    throw error;
  } finally {
    signal.removeEventListener('abort', kill);
    await clearCgroup(cgroupsPath);
  }
  return runtimeEnd(await child.exited, directory, program);
}
