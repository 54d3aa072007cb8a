import type { Stats } from 'node:fs';
import { type TarEntryType, tarEnd, tarHeader, tarPadding } from '#oci';
import { fail } from '#std/errors';
import { fileSystem, paths } from '../builtins.ts';
import { systemErrorText } from '../values/system-errors.ts';

/** Small files share a piece: a write for each would be the cost of the command. */
const pieceBytes = 512 * 1024;
const deviceMinorBits = 0xff;

/** Collects bytes into pieces that are worth sending. */
class Pieces {
  #buffer = Buffer.allocUnsafe(pieceBytes);
  #filled = 0;

  /** Adds bytes; gives a piece when one is full. */
  *add(bytes: Uint8Array): Generator<Uint8Array> {
    if (this.#filled + bytes.length > this.#buffer.length) {
      yield* this.flush();
      if (bytes.length > this.#buffer.length) {
        yield bytes;
        return;
      }
    }
    this.#buffer.set(bytes, this.#filled);
    this.#filled += bytes.length;
  }

  /** Room of at least that size, to be read into; `took` tells how much was. */
  *room(size: number): Generator<Uint8Array, Buffer> {
    if (this.#buffer.length - this.#filled < size) yield* this.flush();
    return this.#buffer.subarray(this.#filled);
  }

  took(size: number): void {
    this.#filled += size;
  }

  *flush(): Generator<Uint8Array> {
    if (this.#filled === 0) return;
    const piece = this.#buffer.subarray(0, this.#filled);
    this.#buffer = Buffer.allocUnsafe(pieceBytes);
    this.#filled = 0;
    yield piece;
  }
}

function typeOf(stats: Stats): TarEntryType | undefined {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  if (stats.isSymbolicLink()) return 'symlink';
  if (stats.isFIFO()) return 'fifo';
  if (stats.isCharacterDevice()) return 'character';
  if (stats.isBlockDevice()) return 'block';
  return undefined;
}

const latin1 = (text: string): string => Buffer.from(text).toString('latin1');

interface Packing {
  readonly pieces: Pieces;
  /** Names of files with several, by device and inode: the second is a link to the first. */
  readonly linked: Map<string, string>;
}

function* packFile(packing: Packing, path: string, name: string, stats: Stats): Generator<Uint8Array> {
  const { pieces } = packing;
  const files = fileSystem();
  yield* pieces.add(header(name, stats, 'file', ''));
  if (stats.size === 0) return;
  const fd = files.openSync(path, 'r');
  try {
    let left = stats.size;
    while (left > 0) {
      const room = yield* pieces.room(Math.min(left, pieceBytes / 2));
      const read = files.readSync(fd, room, 0, Math.min(left, room.length), null);
      // It has shrunk meanwhile: what was announced is sent, as zeroes.
      if (read === 0) room.fill(0, 0, Math.min(left, room.length));
      const size = read === 0 ? Math.min(left, room.length) : read;
      pieces.took(size);
      left -= size;
    }
  } finally {
    files.closeSync(fd);
  }
  yield* pieces.add(tarPadding(stats.size));
}

function header(name: string, stats: Stats, type: TarEntryType, linkPath: string): Uint8Array {
  const isDevice = type === 'character' || type === 'block';
  const modifiedSeconds = Math.floor(stats.mtimeMs / 1000);
  return tarHeader({
    type,
    path: latin1(type === 'directory' && !name.endsWith('/') ? `${name}/` : name),
    linkPath: latin1(linkPath),
    mode: stats.mode & 0o7777,
    uid: stats.uid,
    gid: stats.gid,
    sizeBytes: type === 'file' ? stats.size : 0,
    modifiedSeconds,
    ...(isDevice
      ? {
          deviceMajor: (stats.rdev >> 8) & 0xfff,
          deviceMinor: (stats.rdev & deviceMinorBits) | ((stats.rdev >> 12) & ~deviceMinorBits),
        }
      : {}),
  });
}

function* packPath(packing: Packing, path: string, name: string): Generator<Uint8Array> {
  const files = fileSystem();
  const stats = files.lstatSync(path);
  const type = typeOf(stats);
  // A socket is nothing without who listens on it.
  if (type === undefined) return;
  const id = `${stats.dev}:${stats.ino}`;
  const first = type === 'file' && stats.nlink > 1 ? packing.linked.get(id) : undefined;
  if (first !== undefined) {
    yield* packing.pieces.add(header(name, stats, 'hardlink', first));
  } else if (type === 'file') {
    if (stats.nlink > 1) packing.linked.set(id, name);
    yield* packFile(packing, path, name, stats);
  } else {
    yield* packing.pieces.add(header(name, stats, type, type === 'symlink' ? files.readlinkSync(path) : ''));
    if (type !== 'directory') return;
    for (const child of files.readdirSync(path).sort()) {
      yield* packPath(packing, `${path}/${child}`, `${name.replace(/\/$/, '')}/${child}`);
    }
  }
}

/**
 * A tar of a path and all below it, in which the path is called `name`. Links are not followed.
 * @throws `invalid-argument` when something of it can't be read
 */
export async function* packTree(path: string, name: string): AsyncGenerator<Uint8Array> {
  const packing: Packing = { pieces: new Pieces(), linked: new Map() };
  try {
    yield* packPath(packing, paths().resolve(path), name);
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error)) throw error;
    const where = 'path' in error ? ` ${String(error.path)}` : '';
    throw fail('invalid-argument', `${String(error.syscall)}${where}: ${systemErrorText(error)}`, error);
  }
  yield* packing.pieces.add(tarEnd);
  yield* packing.pieces.flush();
}
