import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { killQuietly, killWithChildren, readProcessStat } from '#linux/process';
import { fail } from '#std/errors';
import type { StartRequest } from '../protocol.ts';
import type { TaskFiles } from './journal.ts';

/** What a process's three standard descriptors are; null for /dev/null. */
export type StandardDescriptors = readonly [number | null, number | null, number | null];

/** The OCI runtime at work on one start. */
export interface RuntimeRun {
  /** Resolves with the pid of the process that was started; rejects with the runtime's own words. */
  readonly started: Promise<number>;
  /** Ends the runtime and what it has started so far; `started` then rejects. */
  kill(): void;
}

function commandOf(request: StartRequest, files: TaskFiles, consolePath: string | undefined): string[] {
  const command = [request.runtime, '--root', request.runtimeRoot, '--log', files.runtimeLog, '--log-format', 'json'];
  const { runtimeArguments = ['--cgroup-manager=cgroupfs'] } = request;
  command.push(...runtimeArguments, request.kind === 'init' ? 'run' : 'exec', '--detach');
  command.push('--pid-file', files.pid);
  if (consolePath !== undefined) command.push('--console-socket', consolePath);
  if (request.kind === 'init') command.push('--bundle', request.bundle ?? '', request.container);
  else command.push('--process', request.processFile ?? '', request.container);
  return command;
}

/** The last error in the runtime's log (JSON lines with `msg` and `level`), or its plain text. */
function errorText(path: string): string | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
  for (const line of text.split('\n').reverse()) {
    try {
      const entry = JSON.parse(line) as { msg?: unknown; level?: unknown };
      if (typeof entry.msg === 'string' && entry.level !== 'warning' && entry.level !== 'debug') return entry.msg;
    } catch {
      if (line !== '') return line;
    }
  }
  return undefined;
}

/** The pid that the runtime has written; undefined when it has not. */
export function readPidFile(files: TaskFiles): number | undefined {
  try {
    const pid = Number(readFileSync(files.pid, 'utf8').trim());
    return pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a runtime that has ended, and whose exit status nobody knows, has started its process. */
export function hasStarted(request: StartRequest, files: TaskFiles): boolean {
  if (readPidFile(files) === undefined) return false;
  // For a container it keeps a state, which it removes when it fails; for more processes in one it only complains.
  const state = join(request.runtimeRoot, request.container);
  // The names of crun's and of runc's.
  if (request.kind === 'init') return ['status', 'state.json'].some((file) => existsSync(join(state, file)));
  return errorText(files.runtimeLog) === undefined;
}

/** Removes what a failed start may have left behind of the runtime's state. */
export function removeRuntimeState(request: StartRequest): void {
  if (request.kind === 'init') rmSync(join(request.runtimeRoot, request.container), { recursive: true, force: true });
}

/** Starts the OCI runtime on a request, with `descriptors` as the new process's standard ones. */
export function runRuntime(
  request: StartRequest,
  files: TaskFiles,
  descriptors: StandardDescriptors,
  consolePath: string | undefined,
): RuntimeRun {
  const child = Bun.spawn(commandOf(request, files, consolePath), { stdio: [...descriptors], cwd: '/' });
  let killed = false;
  const wait = async (): Promise<number> => {
    const code = await child.exited;
    const pid = readPidFile(files);
    if (killed) {
      if (pid !== undefined && readProcessStat(pid)?.parent === process.pid) killQuietly(pid);
      throw fail('internal', 'the OCI runtime was killed');
    }
    if (code === 0 && pid !== undefined) return pid;
    throw fail('internal', errorText(files.runtimeLog) ?? `the OCI runtime exited with status ${code}`);
  };
  return {
    started: wait(),
    kill: () => {
      if (killed) return;
      killed = true;
      killWithChildren(child.pid);
    },
  };
}
