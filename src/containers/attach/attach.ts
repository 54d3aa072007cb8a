import { PassThrough, Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { AttachedStream, Keeper } from '#keeper';
import type { Attachment, AttachOptions } from '../types.ts';
import { detachBytes, detachFilter } from './detach-keys.ts';

export interface ProcessStreams {
  readonly id: string;
  readonly terminal: boolean;
  /** Output without frames; so a terminal's always is. */
  readonly raw?: boolean;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly detachKeys?: string;
  /** Called when the client detached by keys. */
  readonly onDetach?: () => void;
}

/** Puts the detach filter before a terminal's input. */
function filteredInput(stream: AttachedStream, streams: ProcessStreams): Writable {
  if (!streams.terminal || !streams.stdin) return stream.input;
  const filter = detachFilter(detachBytes(streams.detachKeys), () => {
    streams.onDetach?.();
    stream.close();
  });
  filter.pipe(stream.input);
  return filter;
}

/** Attaches a client to a process that the keeper has, or will have: nothing the process writes is missed. */
export async function attachProcess(keeper: Keeper, streams: ProcessStreams): Promise<Attachment> {
  if (streams.detachKeys) detachBytes(streams.detachKeys);
  const stream = await keeper.attach({
    id: streams.id,
    stdin: streams.stdin,
    stdout: streams.stdout,
    stderr: streams.stderr,
    framing: streams.terminal || streams.raw === true ? 'raw' : 'multiplexed',
  });
  return {
    output: stream.output,
    input: filteredInput(stream, streams),
    terminal: streams.terminal,
    close: () => stream.close(),
  };
}

/** An attachment to a log alone: it takes no input. */
function logAttachment(log: AsyncIterable<Uint8Array>, terminal: boolean): Attachment {
  const output = Readable.from(log);
  const input = new PassThrough();
  input.resume();
  return { output, input, terminal, close: () => output.destroy() };
}

/** The log first, then what is live, in one stream. */
function replayBefore(log: AsyncIterable<Uint8Array>, live: Attachment): Attachment {
  const output = new PassThrough();
  const copy = async (): Promise<void> => {
    await pipeline(Readable.from(log), output, { end: false });
    await pipeline(live.output, output);
  };
  copy().catch(() => output.destroy());
  output.once('close', () => live.close());
  return { ...live, output };
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

/** What attaching to a container reads from. */
export interface ContainerStreams {
  readonly streams: ProcessStreams;
  /** The log so far. */
  readonly log: () => AsyncIterable<Uint8Array>;
}

/** `POST /containers/{id}/attach`. */
export async function attachContainer(
  keeper: Keeper,
  { streams, log }: ContainerStreams,
  options: AttachOptions,
): Promise<Attachment> {
  // Asked for neither, a client gets a stream that has ended.
  if (!options.stream) return logAttachment(options.logs ? log() : nothing(), streams.terminal);
  const live = await attachProcess(keeper, streams);
  return options.logs ? replayBefore(log(), live) : live;
}
