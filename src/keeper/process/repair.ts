import type { ChunkMark } from './chunk-mark.ts';
import { consumeFifo, peekFifo } from './fifo-reader.ts';
import type { LogSink } from './log-sink.ts';
import { formatRecords, longestLineBytes, type RecordFormat, type StreamName } from './records.ts';

/**
 * Finishes, or takes back, the chunk of output that a killed keeper was moving to the log, so that no line is missing
 * or there twice. `descriptors` are the FIFOs' reading ends.
 */
export async function repairLog(
  file: LogSink,
  mark: ChunkMark,
  descriptors: Readonly<Partial<Record<StreamName, number>>>,
): Promise<void> {
  await file.open();
  const chunk = mark.read();
  if (chunk === undefined) return;
  if (file.size < chunk.logOffset + chunk.recordBytes) {
    // Written in part or not at all: the FIFOs still have everything.
    if (file.size > chunk.logOffset) await file.truncate(chunk.logOffset);
  } else {
    const records = (await file.readFrom(chunk.logOffset)).subarray(0, chunk.recordBytes);
    const dropped = { format: file.format, records };
    dropIfLogged('stdout', descriptors.stdout, chunk.stdoutBytes, dropped);
    dropIfLogged('stderr', descriptors.stderr, chunk.stderrBytes, dropped);
  }
  mark.clear();
}

/** Consumes the FIFO's part of a chunk unless that was done: its head would then give other records. */
function dropIfLogged(
  stream: StreamName,
  descriptor: number | undefined,
  count: number,
  { format, records }: { readonly format: RecordFormat; readonly records: Buffer },
): void {
  if (descriptor === undefined || count === 0 || records.length === 0) return;
  const head = peekFifo(descriptor);
  if (head.length < count) return;
  const stamp = format.stampOf(stream, records);
  const target = Buffer.alloc(records.length + format.largestBytes(longestLineBytes, stamp));
  const { consumed, end } = formatRecords(format, head, count, stamp, target, 0, target.length, true);
  if (consumed !== count || end > records.length) return;
  // In a chunk the records of stdout come first, those of stderr last.
  const logged = stream === 'stdout' ? records.subarray(0, end) : records.subarray(records.length - end);
  if (logged.equals(target.subarray(0, end))) consumeFifo(descriptor, count);
}
