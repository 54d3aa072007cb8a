import { existsSync } from 'node:fs';
import { closeDescriptor, makeFifo, openDescriptor } from '#linux/fifo';
import type { StartRequest } from '../protocol.ts';
import { ChunkMark } from './chunk-mark.ts';
import type { StoredDescriptors } from './descriptor-store.ts';
import { Forwarder } from './forward/forwarder.ts';
import { Input } from './input.ts';
import type { TaskFiles } from './journal.ts';
import { type LogSink, logSink } from './log-sink.ts';
import { Output } from './output.ts';
import type { Readiness } from './readiness.ts';
import type { StreamName } from './records.ts';
import type { StandardDescriptors } from './runtime.ts';

/** The keeper's ends of a process's output FIFOs; none when its output goes nowhere. */
export type OutputFifos = Readonly<Partial<Record<StreamName, number>>>;

/** The keeper's ends of a process's standard streams. */
export interface StandardStreams {
  readonly fifos: OutputFifos;
  readonly output?: Output;
  readonly input?: Input;
  /** The terminal's master. */
  readonly master?: number;
  readonly log?: LogSink;
  readonly forwarder?: Forwarder;
  readonly mark: ChunkMark;
}

/** What `joinStreams` puts together. */
export interface StreamParts {
  readonly fifos: OutputFifos;
  readonly input?: Input;
  readonly master?: number;
  /** The log when it is open already. */
  readonly log?: LogSink;
}

/** The container's ends of a process's FIFOs: passed to the OCI runtime, then closed here. */
export class ContainerEnds implements Disposable {
  readonly descriptors: StandardDescriptors;

  constructor(descriptors: StandardDescriptors) {
    this.descriptors = descriptors;
  }

  [Symbol.dispose](): void {
    for (const descriptor of this.descriptors) if (descriptor !== null) closeDescriptor(descriptor);
  }
}

/** Makes the FIFOs of a process's output. What a terminal shows passes through one of them as well. */
export function makeOutputFifos(request: StartRequest, files: TaskFiles): void {
  makeFifo(files.stdout);
  if (!request.terminal) makeFifo(files.stderr);
}

/**
 * Opens the keeper's ends of a process's output FIFOs, as far as they exist; for writing too: what a terminal shows is
 * written by the keeper, and of the others this tells when they are full.
 */
export function openOutputFifos(request: StartRequest, files: TaskFiles): OutputFifos {
  // A keeper may have been killed while it made them.
  const open = (path: string): number | undefined =>
    existsSync(path) ? openDescriptor(path, 'both', false) : undefined;
  const stdout = open(files.stdout);
  const stderr = request.terminal ? undefined : open(files.stderr);
  return { ...(stdout !== undefined && { stdout }), ...(stderr !== undefined && { stderr }) };
}

/** What of a process's streams must survive the keeper. */
export function storedOf(parts: StreamParts): StoredDescriptors {
  const { fifos, input, master } = parts;
  const stdin = master === undefined ? input?.descriptor : undefined;
  return { ...fifos, ...(master !== undefined && { master }), ...(stdin !== undefined && { stdin }) };
}

/** Begins to move a process's output and input. */
export function joinStreams(
  request: StartRequest,
  files: TaskFiles,
  readiness: Readiness,
  parts: StreamParts,
): StandardStreams {
  const { fifos, master } = parts;
  const mark = new ChunkMark(files.mark);
  const streams = (['stdout', 'stderr'] as const).flatMap((name) => {
    const descriptor = fifos[name];
    return descriptor === undefined ? [] : [{ name, descriptor }];
  });
  const input = parts.input ?? (master === undefined ? undefined : new Input(master, readiness, false));
  const common = { fifos, mark, ...(input && { input }), ...(master !== undefined && { master }) };
  if (streams.length === 0) return common;
  const log = parts.log ?? (request.log && logSink(request.log));
  const forwarder = request.log?.forward && new Forwarder(request.log.forward);
  const output = new Output({
    streams,
    mark,
    readiness,
    ...(master !== undefined && { master }),
    ...(log && { log }),
    ...(forwarder && { forwarder }),
  });
  return { ...common, output, ...(log && { log }), ...(forwarder && { forwarder }) };
}

/** Whether a process's output goes anywhere: an exec to which nobody attached before its start writes to /dev/null. */
function keepsOutput(request: StartRequest, hasSubscribers: boolean): boolean {
  return request.kind === 'init' || request.log !== undefined || hasSubscribers;
}

/**
 * Makes and opens the FIFOs of a process without a terminal. The container holds its output FIFOs open for reading too,
 * so that it never gets SIGPIPE when a keeper dies.
 */
export function makePipes(
  request: StartRequest,
  files: TaskFiles,
  readiness: Readiness,
  hasSubscribers: boolean,
): { readonly streams: StandardStreams; readonly ends: ContainerEnds } {
  const ends: [number | null, number | null, number | null] = [null, null, null];
  if (keepsOutput(request, hasSubscribers)) {
    makeOutputFifos(request, files);
    ends[1] = openDescriptor(files.stdout, 'both', true);
    ends[2] = openDescriptor(files.stderr, 'both', true);
  }
  let input: Input | undefined;
  if (request.openStdin) {
    makeFifo(files.stdin);
    // Neither end can be opened alone without waiting for the other.
    const both = openDescriptor(files.stdin, 'both', false);
    ends[0] = openDescriptor(files.stdin, 'read', true);
    input = new Input(openDescriptor(files.stdin, 'write', false), readiness, true);
    closeDescriptor(both);
  }
  const fifos = openOutputFifos(request, files);
  const streams = joinStreams(request, files, readiness, { fifos, ...(input && { input }) });
  return { streams, ends: new ContainerEnds(ends) };
}
