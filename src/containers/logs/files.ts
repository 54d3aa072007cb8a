import { closeSync, fstatSync, openSync, read } from 'node:fs';
import { stat } from 'node:fs/promises';
import { promisify } from 'node:util';

const readInto = promisify(read);

const blockBytes = 64 * 1024;
const newline = 0x0a;

/** An open file of a rotated log. It keeps its identity when it is renamed. */
export class LogFile implements Disposable {
  readonly #descriptor: number;
  readonly inode: number;

  private constructor(descriptor: number) {
    this.#descriptor = descriptor;
    this.inode = fstatSync(descriptor).ino;
  }

  /** Opens a file; undefined when there is none. */
  static open(path: string): LogFile | undefined {
    try {
      return new LogFile(openSync(path, 'r'));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  get sizeBytes(): number {
    return fstatSync(this.#descriptor).size;
  }

  /** Reads what is there at `position`; returns the number of bytes read, 0 at the end. */
  read(buffer: Buffer, length: number, position: number): Promise<number> {
    return readInto(this.#descriptor, buffer, 0, length, position).then(({ bytesRead }) => bytesRead);
  }

  [Symbol.dispose](): void {
    closeSync(this.#descriptor);
  }
}

/** Path of the log's file `index`: 0 is written to, 1 was rotated last. */
function filePath(path: string, index: number): string {
  return index === 0 ? path : `${path}.${index}`;
}

/** The index that an open file has now; undefined when it was rotated away. */
async function indexOf(path: string, file: LogFile): Promise<number | undefined> {
  for (let index = 0; ; index += 1) {
    const found = await stat(filePath(path, index)).catch(() => undefined);
    // A rotation may be under way, in which the newest name is missing for a moment.
    if (found === undefined && index > 0) return undefined;
    if (found?.ino === file.inode) return index;
  }
}

/** The file written after `file`; undefined while `file` is the newest. */
export async function nextFile(path: string, file: LogFile): Promise<LogFile | undefined> {
  const index = await indexOf(path, file);
  if (index === 0) return undefined;
  return LogFile.open(filePath(path, index === undefined ? 0 : index - 1));
}

/** Where reading starts: at the oldest line, or at the last `lines` ones. */
export interface Start {
  readonly file: LogFile;
  readonly offset: number;
}

/** Offset behind which `lines` whole lines follow, and how many lines of the wish this file could not fill. */
async function offsetOfTail(file: LogFile, lines: number): Promise<{ offset: number; missing: number }> {
  let position = file.sizeBytes;
  let found = 0;
  const block = Buffer.allocUnsafe(blockBytes);
  while (position > 0) {
    const length = Math.min(blockBytes, position);
    position -= length;
    const bytesRead = await file.read(block, length, position);
    for (let index = block.lastIndexOf(newline, bytesRead - 1); index !== -1; ) {
      found += 1;
      // The newline of the line before the first one wanted.
      if (found > lines) return { offset: position + index + 1, missing: 0 };
      index = index === 0 ? -1 : block.lastIndexOf(newline, index - 1);
    }
  }
  return { offset: 0, missing: Math.max(0, lines - found) };
}

/** Opens the log where reading starts; undefined when there is no log (yet). */
export async function openLog(path: string, tail: number | undefined): Promise<Start | undefined> {
  let file = LogFile.open(path);
  if (file === undefined) return undefined;
  let missing = tail ?? Number.POSITIVE_INFINITY;
  for (let index = 0; ; ) {
    const found = tail === undefined ? { offset: 0, missing } : await offsetOfTail(file, missing);
    missing = found.missing;
    index += 1;
    const older: LogFile | undefined = missing > 0 ? LogFile.open(filePath(path, index)) : undefined;
    if (older === undefined) return { file, offset: found.offset };
    // Rotated between the two opens: the same file under its next name.
    if (older.inode !== file.inode) {
      file[Symbol.dispose]();
      file = older;
    } else {
      older[Symbol.dispose]();
    }
  }
}
