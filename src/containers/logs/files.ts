import { closeSync, fstatSync, openSync, read, readSync, unlinkSync, write } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { createGunzip } from 'node:zlib';
import { identityTailBytes, rotatedIdentity } from '#keeper';
import { hasCode } from '#linux/errno';
import { localTail } from './decode-local.ts';

const readInto = promisify(read);
const writeFrom = promisify(write);

const blockBytes = 64 * 1024;
const newline = 0x0a;
/** RFC 1952: where the comment begins in the header that the keeper writes. */
const commentOffset = 10;
const commentBytes = 64;
/** How often a directory is looked for that is not there, and the pause between looks at files that are being renamed. */
const mostLooks = 5;
const lookPauseMs = 2;

/** An open file of a rotated log. It can be found again when it was renamed, and when it was compressed. */
export class LogFile implements Disposable {
  readonly #descriptor: number;
  /** Of a compressed file, what its header says. */
  readonly #written: string | undefined;
  readonly #inode: number;

  private constructor(descriptor: number, written?: string) {
    this.#descriptor = descriptor;
    this.#written = written;
    this.#inode = fstatSync(descriptor).ino;
  }

  /** Opens a file, decompressed where it is compressed; undefined when there is none. */
  static async open(path: string): Promise<LogFile | undefined> {
    try {
      return path.endsWith('.gz') ? await LogFile.#decompress(path) : new LogFile(openSync(path, 'r'));
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return undefined;
      throw error;
    }
  }

  /** Whether that is what this file is called now. An inode is not used again while somebody holds it open. */
  async is({ inode, written }: NamedFile): Promise<boolean> {
    if (written === undefined) return this.#written === undefined && inode === this.#inode;
    return written === (this.#written ?? (await this.#identity()));
  }

  /** What the header of its compressed form says, once nobody writes to it any more. */
  async #identity(): Promise<string> {
    const size = this.sizeBytes;
    const tail = Buffer.alloc(Math.min(size, identityTailBytes));
    await this.read(tail, tail.length, size - tail.length);
    return rotatedIdentity(this.#inode, size, tail);
  }

  /** Into a file beside it that has no name any more: a log is read from anywhere, and must not fill the memory. */
  static async #decompress(path: string): Promise<LogFile> {
    // One descriptor for header and content: the name may be another file's a moment later.
    const source = openSync(path, 'r');
    const temporary = `${path}.${process.pid}.${crypto.randomUUID()}`;
    let plain: number | undefined;
    try {
      plain = openSync(temporary, 'wx+', 0o600);
      unlinkSync(temporary);
      const unpacked = Readable.from(contentOf(source)).pipe(createGunzip());
      for await (const chunk of unpacked) await writeAll(plain, chunk as Buffer);
      return new LogFile(plain, writtenIdentity(source));
    } catch (error) {
      if (plain !== undefined) closeSync(plain);
      throw error;
    } finally {
      closeSync(source);
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

async function* contentOf(descriptor: number): AsyncGenerator<Buffer> {
  for (let position = 0; ; ) {
    const block = Buffer.allocUnsafe(blockBytes);
    const { bytesRead } = await readInto(descriptor, block, 0, blockBytes, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield block.subarray(0, bytesRead);
  }
}

async function writeAll(descriptor: number, bytes: Buffer): Promise<void> {
  for (let written = 0; written < bytes.length; )
    written += (await writeFrom(descriptor, bytes, written, bytes.length - written)).bytesWritten;
}

/** What a compressed file was before: its header tells. */
function writtenIdentity(descriptor: number): string {
  const head = Buffer.alloc(commentOffset + commentBytes);
  const length = readSync(descriptor, head, 0, head.length, 0);
  return /^(log [^\0]*)\0/.exec(head.toString('latin1', commentOffset, length))?.[1] ?? '';
}

/** A file of a log as it is named now. */
interface NamedFile {
  readonly path: string;
  readonly inode: number;
  readonly sizeBytes: number;
  /** Of a compressed file, what its header says. */
  readonly written?: string;
}

/** The log's files by number, the one that is written to first; of two forms of one file one. */
async function namedFiles(path: string): Promise<NamedFile[]> {
  const prefix = basename(path);
  const byNumber = new Map<number, string>();
  for (const name of await readdir(dirname(path))) {
    if (!name.startsWith(prefix)) continue;
    const match = /^(?:\.([1-9]\d*)(?:\.gz)?)?$/.exec(name.slice(prefix.length));
    const number = Number(match?.[1] ?? 0);
    // The plain one is cheaper to read, and goes only when the other is complete.
    if (match !== null && !(byNumber.has(number) && name.endsWith('.gz'))) byNumber.set(number, name);
  }
  const sorted = [...byNumber].sort(([first], [second]) => first - second);
  return Promise.all(sorted.map(([, name]) => nameFile(join(dirname(path), name))));
}

async function nameFile(path: string): Promise<NamedFile> {
  if (!path.endsWith('.gz')) {
    const { ino: inode, size: sizeBytes } = await stat(path);
    return { path, inode, sizeBytes };
  }
  const descriptor = openSync(path, 'r');
  try {
    const { ino: inode, size: sizeBytes } = fstatSync(descriptor);
    return { path, inode, sizeBytes, written: writtenIdentity(descriptor) };
  } finally {
    closeSync(descriptor);
  }
}

/**
 * The same, looked at until two looks agree: while a rotation renames files, one look may miss some, or see one twice.
 */
async function settledFiles(path: string): Promise<NamedFile[]> {
  let last: string | undefined;
  for (let looks = 0; ; looks++) {
    const files = await namedFiles(path).catch((error: unknown) => {
      if (!hasCode(error, 'ENOENT')) throw error;
      return undefined;
    });
    // The newest one grows.
    const seen = files
      ?.map(({ path: name, inode, sizeBytes }) => `${name} ${inode} ${name === path ? 0 : sizeBytes}`)
      .join();
    if (files !== undefined && seen === last) return files;
    // The directory has gone with its container.
    if (files === undefined && looks >= mostLooks) return [];
    last = seen;
    if (looks > 1) await Bun.sleep(lookPauseMs);
  }
}

/** Opens the file that `choose` picks; undefined when it picks none. */
async function openChosen(
  path: string,
  choose: (files: readonly NamedFile[]) => NamedFile | undefined | Promise<NamedFile | undefined>,
): Promise<LogFile | undefined> {
  for (;;) {
    const chosen = await choose(await settledFiles(path));
    if (chosen === undefined) return undefined;
    const file = await LogFile.open(chosen.path);
    if (file !== undefined && (await file.is(chosen))) return file;
    // It was renamed between the look and the opening.
    file?.[Symbol.dispose]();
  }
}

/** The place of an open file among those that are there now; -1 when it is not among them. */
async function placeOf(files: readonly NamedFile[], file: LogFile): Promise<number> {
  for (const [place, named] of files.entries()) if (await file.is(named)) return place;
  return -1;
}

/** The file written after `file`; undefined while `file` is the newest. */
export async function nextFile(path: string, file: LogFile): Promise<LogFile | undefined> {
  const newest = await nameFile(path).catch(() => undefined);
  if (newest !== undefined && (await file.is(newest))) return undefined;
  return openChosen(path, async (files) => {
    const place = await placeOf(files, file);
    // Where it is no longer kept, the oldest that is comes next.
    return place === -1 ? files.at(-1) : files[place - 1];
  });
}

/** The file written before `file`; undefined when `file` is the oldest. */
function previousFile(path: string, file: LogFile): Promise<LogFile | undefined> {
  return openChosen(path, async (files) => {
    const place = await placeOf(files, file);
    return place === -1 ? undefined : files[place + 1];
  });
}

/** Where reading starts: at the oldest line, or at the last `lines` ones. */
export interface Start {
  readonly file: LogFile;
  readonly offset: number;
}

/** Offset behind which `lines` whole lines follow, and how many lines of the wish this file could not fill. */
async function jsonTail(file: LogFile, lines: number): Promise<{ offset: number; missing: number }> {
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
export async function openLog(
  path: string,
  format: 'json' | 'local',
  tail: number | undefined,
): Promise<Start | undefined> {
  const first = await openChosen(path, (files) => (tail === undefined ? files.at(-1) : files[0]));
  if (first === undefined || tail === undefined) return first && { file: first, offset: 0 };
  let file = first;
  for (let missing = tail; ; ) {
    const found = await (format === 'json' ? jsonTail(file, missing) : localTail(file, missing));
    const older = found.missing > 0 ? await previousFile(path, file) : undefined;
    if (older === undefined) return { file, offset: found.offset };
    missing = found.missing;
    file[Symbol.dispose]();
    file = older;
  }
}
