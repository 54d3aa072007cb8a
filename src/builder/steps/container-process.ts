import { writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { fail } from '#std/errors';
import { clearCgroup, killRuntime, type RuntimeEnd, runCommand, runtimeEnd } from './runtime.ts';

/** A process of a container that somebody talks with. */
export interface ContainerProcess {
  /** Its input; resolves when more is taken. What comes when it has closed its input is lost. */
  write(data: Uint8Array): Promise<void>;
  closeInput(): void;
  /** Of its terminal; nothing without one. */
  resize(rows: number, columns: number): void;
  /** By name, `SIGTERM` or `TERM`. Throws `invalid-argument` for one that is not known. */
  signal(name: string): void;
  /** How it ended, when all of its output is taken. */
  readonly ended: Promise<RuntimeEnd>;
}

export interface ContainerProcessRequest {
  readonly runtime: string;
  readonly id: string;
  readonly directory: string;
  readonly cgroupsPath: string;
  readonly program: string;
  readonly hasTerminal: boolean;
  /** With a terminal all is of stream 1. What it returns is waited for. */
  readonly onOutput: (stream: 1 | 2, data: Uint8Array) => void | Promise<void>;
  readonly signal: AbortSignal;
}

function signalNumber(name: string): number {
  const key = name.startsWith('SIG') ? name : `SIG${name}`;
  const number = (constants.signals as Readonly<Record<string, number>>)[key];
  if (number === undefined) throw fail('invalid-argument', `unknown signal ${name}`);
  return number;
}

/** Output in its order, one piece after the other. */
function inTurn(request: ContainerProcessRequest) {
  let last: Promise<void> = Promise.resolve();
  return {
    take(stream: 1 | 2, data: Uint8Array): void {
      last = last.then(() => request.onOutput(stream, data)).catch(() => undefined);
    },
    all: () => last,
  };
}

async function pump(
  stream: ReadableStream<Uint8Array>,
  take: (data: Uint8Array) => void | Promise<void>,
): Promise<void> {
  for await (const data of stream) await take(data);
}

function withTerminal(command: string[], request: ContainerProcessRequest) {
  const output = inTurn(request);
  const finished = Promise.withResolvers<void>();
  const child = Bun.spawn(command, {
    cwd: '/',
    terminal: {
      data: (_, data) => output.take(1, Uint8Array.from(data)),
      exit: () => finished.resolve(),
    },
  });
  const { terminal } = child;
  // What comes when it has ended is lost.
  const open = () => (terminal?.closed === false ? terminal : undefined);
  return {
    child,
    write: async (data: Uint8Array) => void open()?.write(data),
    closeInput: () => void open()?.write(Uint8Array.of(4)),
    resize: (rows: number, columns: number) => open()?.resize(columns, rows),
    drained: async () => {
      await child.exited;
      // What is in the terminal when its last process has ended still comes.
      await Promise.race([finished.promise, Bun.sleep(200)]);
      open()?.close();
      await output.all();
    },
  };
}

function withPipes(command: string[], request: ContainerProcessRequest) {
  const child = Bun.spawn(command, { cwd: '/', stdin: 'pipe', stdout: 'pipe', stderr: 'pipe' });
  const { onOutput } = request;
  return {
    child,
    write: async (data: Uint8Array) => {
      try {
        child.stdin.write(data);
        await child.stdin.flush();
      } catch {
        // It has closed its input.
      }
    },
    closeInput: () => void Promise.resolve(child.stdin.end()).catch(() => undefined),
    resize: () => undefined,
    drained: async () => {
      const pumps = [pump(child.stdout, (data) => onOutput(1, data)), pump(child.stderr, (data) => onOutput(2, data))];
      await Promise.all([...pumps, child.exited]);
    },
  };
}

/** Starts a process in a bundle below `directory`, and gives its streams to who asked. */
export function startContainerProcess(request: ContainerProcessRequest): ContainerProcess {
  const { runtime, id, directory, cgroupsPath, signal, program } = request;
  const command = runCommand(runtime, directory, id);
  const streams = request.hasTerminal ? withTerminal(command, request) : withPipes(command, request);
  const { child } = streams;
  writeFileSync(join(directory, 'runtime.pid'), String(child.pid));
  const kill = (): void => killRuntime(child.pid, cgroupsPath);
  signal.addEventListener('abort', kill, { once: true });
  if (signal.aborted) kill();
  const ended = (async (): Promise<RuntimeEnd> => {
    try {
      await streams.drained();
    } finally {
      signal.removeEventListener('abort', kill);
      await clearCgroup(cgroupsPath);
    }
    return runtimeEnd(await child.exited, directory, program);
  })();
  ended.catch(() => undefined);
  return {
    write: streams.write,
    closeInput: streams.closeInput,
    resize: streams.resize,
    signal: (name) => child.kill(signalNumber(name)),
    ended,
  };
}
