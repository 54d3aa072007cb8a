import type { LogTarget } from '../protocol.ts';
import { BufferedLog } from './buffered-log.ts';
import { jsonFormat } from './json-format.ts';
import { localFormat } from './local-format.ts';
import { LogFile } from './log-file.ts';
import type { RecordFormat } from './records.ts';

/** Where the records of one container go. Written at known positions, so that a write that was cut short can be done over. */
export interface LogSink {
  readonly format: RecordFormat;
  readonly path: string;
  readonly isOpen: boolean;
  /** Bytes in the current file. */
  readonly size: number;
  /** How much the current file may still grow; infinite when it is not bounded. */
  readonly room: number;
  open(): Promise<void>;
  /** Writes `bytes` at the end. When that fails nothing of them is left. */
  append(bytes: Uint8Array): Promise<void>;
  /** Cuts the current file. */
  truncate(size: number): Promise<void>;
  /** The current file's bytes from `start` to its end. */
  readFrom(start: number): Promise<Buffer>;
  /** Starts an empty file. */
  rotate(): Promise<void>;
  close(): Promise<void>;
  /** Of a sink that takes records before they are written: resolves when they are. */
  flush?(): Promise<void>;
}

/** Opens nothing yet: the log that a container's target asks for. */
export function logSink(target: LogTarget): LogSink {
  const format = target.format === 'local' ? localFormat : jsonFormat(target.attributes);
  if (target.discard === true) return new NoFile(format);
  const file = new LogFile(target, format);
  return target.bufferBytes === undefined ? file : new BufferedLog(file, target.bufferBytes);
}

/** Keeps nothing: for a log that is only forwarded. A chunk that a killed keeper had on its way is then done over. */
class NoFile implements LogSink {
  readonly path = '';
  readonly isOpen = true;
  readonly size = 0;
  readonly room = Number.POSITIVE_INFINITY;

  constructor(readonly format: RecordFormat) {}

  readonly open = async (): Promise<void> => {};
  readonly append = async (): Promise<void> => {};
  readonly truncate = async (): Promise<void> => {};
  readonly readFrom = async (): Promise<Buffer> => Buffer.alloc(0);
  readonly rotate = async (): Promise<void> => {};
  readonly close = async (): Promise<void> => {};
}
