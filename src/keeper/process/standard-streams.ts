import { closeDescriptor, makeFifo, openDescriptor } from '#linux/fifo';
import type { StartRequest } from '../protocol.ts';
import { ChunkMark } from './chunk-mark.ts';
import { Input } from './input.ts';
import type { TaskFiles } from './journal.ts';
import { LogFile } from './log-file.ts';
import { Output } from './output.ts';
import type { Readiness } from './readiness.ts';
import type { StandardDescriptors } from './runtime.ts';
import type { StandardStreams } from './task.ts';

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

/** Whether a process's output goes anywhere: an exec to which nobody attached before its start writes to /dev/null. */
function keepsOutput(request: StartRequest, hasSubscribers: boolean): boolean {
  return request.kind === 'init' || request.terminal || request.log !== undefined || hasSubscribers;
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
    makeFifo(files.stdout);
    makeFifo(files.stderr);
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
  const streams = ends[1] === null ? withoutOutput(files, input) : openOutput(request, files, readiness, input);
  return { streams, ends: new ContainerEnds(ends) };
}

function withoutOutput(files: TaskFiles, input: Input | undefined): StandardStreams {
  return { ...(input && { input }), mark: new ChunkMark(files.mark), descriptors: [] };
}

/** Opens the keeper's ends of FIFOs that exist. */
export function openOutput(
  request: StartRequest,
  files: TaskFiles,
  readiness: Readiness,
  input: Input | undefined,
): StandardStreams {
  const stdout = openDescriptor(files.stdout, 'read', false);
  const stderr = openDescriptor(files.stderr, 'read', false);
  const mark = new ChunkMark(files.mark);
  const log = request.log && new LogFile(request.log);
  const output = new Output({
    streams: [
      { name: 'stdout', descriptor: stdout },
      { name: 'stderr', descriptor: stderr },
    ],
    ...(log && { log }),
    mark,
    readiness,
  });
  return { output, ...(input && { input }), ...(log && { log }), mark, descriptors: [stdout, stderr] };
}

/**
 * The streams of a process with a terminal. What it writes goes through the `stdout` FIFO as well: read from the master
 * and not yet logged, it would be lost with the keeper.
 */
export function openTerminal(
  request: StartRequest,
  files: TaskFiles,
  readiness: Readiness,
  master: number,
): StandardStreams {
  const stdout = openDescriptor(files.stdout, 'both', false);
  const mark = new ChunkMark(files.mark);
  const log = request.log && new LogFile(request.log);
  const output = new Output({
    streams: [{ name: 'stdout', descriptor: stdout }],
    master,
    ...(log && { log }),
    mark,
    readiness,
  });
  return {
    output,
    input: new Input(master, readiness, false),
    master,
    ...(log && { log }),
    mark,
    descriptors: [stdout, master],
  };
}
