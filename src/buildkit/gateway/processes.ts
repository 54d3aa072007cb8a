import type { gateway } from '#build-api';
import type { ContainerProcess } from '#builder';
import { GrpcError, type MessageStream, statusCodes, type Written } from '#grpc';
import { fail } from '#std/errors';
import { callError } from '../control/errors.ts';
import type { Containers } from './containers.ts';

type Sent = Written<typeof gateway.execMessage>;
type Stream = MessageStream<gateway.ExecMessage, Sent>;

/** BuildKit's exit code for a process of which none is known. */
const unknownExitCode = 255;

/** What a process that ended badly is told as beside its code. */
function exitOf(exitCode: number, reason: string | undefined): Written<typeof gateway.exitMessage> {
  if (exitCode === 0) return { code: 0 };
  const text = reason ?? `exit code: ${exitCode}`;
  return { code: exitCode, error: { code: statusCodes.unknown, message: text } };
}

/** One process of a stream: what it says is sent under its id. */
class Talk {
  private readonly process: Promise<ContainerProcess>;
  readonly finished: Promise<void>;

  constructor(
    private readonly processId: string,
    init: gateway.InitMessage,
    containers: Containers,
    private readonly stream: Stream,
    signal: AbortSignal,
  ) {
    const wanted = new Set(init.fds);
    const onOutput = async (fd: 1 | 2, data: Uint8Array): Promise<void> => {
      if (wanted.has(fd)) await this.send({ file: { fd, data } });
    };
    this.process = containers.start(init, { onOutput, signal });
    this.process.catch(() => undefined);
    this.finished = this.follow(wanted, signal);
  }

  async take({ file, resize, signal }: gateway.ExecMessage): Promise<void> {
    const process = await this.process.catch(() => undefined);
    if (file !== undefined && file.fd === 0) {
      if (file.data.length > 0) await process?.write(file.data);
      if (file.eof) process?.closeInput();
    }
    if (resize !== undefined) process?.resize(resize.rows, resize.cols);
    if (signal !== undefined) process?.signal(signal.name);
  }

  private async send(message: Omit<Sent, 'processId'>): Promise<void> {
    await this.stream.send({ processId: this.processId, ...message });
  }

  private async follow(wanted: ReadonlySet<number>, signal: AbortSignal): Promise<void> {
    try {
      const process = await this.process;
      await this.send({ started: {} });
      const { exitCode, startFailure } = await process.ended;
      for (const fd of [1, 2]) if (wanted.has(fd)) await this.send({ file: { fd, eof: true } });
      await this.send({ exit: exitOf(exitCode, startFailure) });
    } catch (error) {
      const { code, message, details } = callError(error, signal);
      await this.send({ exit: { code: unknownExitCode, error: { code, message, details } } });
    }
    await this.send({ done: {} });
  }
}

/** Serves one stream of a client, on which it talks with any number of processes; those that run end with it. */
export async function serveProcesses(containers: Containers, stream: Stream, signal: AbortSignal): Promise<void> {
  const ending = new AbortController();
  const both = AbortSignal.any([signal, ending.signal]);
  const talks = new Map<string, Talk>();
  try {
    for await (const message of stream.messages) {
      const { processId, init } = message;
      if (processId === '') throw fail('invalid-argument', 'message without a process id');
      const talk = talks.get(processId);
      if (init !== undefined) {
        if (talk !== undefined)
          throw new GrpcError(statusCodes['already-exists'], `Process ${processId} already exists`);
        const started = new Talk(processId, init, containers, stream, both);
        talks.set(processId, started);
        started.finished.catch(() => undefined);
      } else if (talk === undefined) {
        throw fail('not-found', `process ${processId} not found`);
      } else {
        await talk.take(message);
      }
    }
    await Promise.allSettled([...talks.values()].map(({ finished }) => finished));
  } finally {
    ending.abort();
  }
}
