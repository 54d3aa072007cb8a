import { closeSync, constants as fsConstants, readSync } from 'node:fs';
import { SystemCallError } from '#linux/errno';
import { type FileStat, fileTypes, inodeOf, readLinkAt, readXattrOf, tryOpenPlaceAgain } from '#linux/file-tree';
import { type TarEntryType, tarEnd, tarHeader, tarPadding } from '#oci';

/** So many bytes go out at once. */
const chunkBytes = 256 * 1024;
const capability = 'security.capability';
const tryAgain = 11;
/** How often a file is tried on which a process holds a lease. */
const leasePollMs = 10;

const types: Readonly<Record<number, TarEntryType>> = {
  [fileTypes.file]: 'file',
  [fileTypes.directory]: 'directory',
  [fileTypes.symlink]: 'symlink',
  [fileTypes.character]: 'character',
  [fileTypes.block]: 'block',
  [fileTypes.fifo]: 'fifo',
};

type CommonHeader = Parameters<typeof tarHeader>[0];
type Xattrs = ReadonlyMap<string, Buffer>;

/**
 * Makes a tar of files, as Docker makes them: times in whole seconds, a second name of a file as a hard link, of the extended
 * attributes file capabilities alone, unless others are given, no sockets. What comes out are chunks, between any two of which the caller may pause.
 */
export class TreePacker {
  readonly #seen = new Map<string, string>();
  #buffer = Buffer.allocUnsafe(chunkBytes);
  #usedBytes = 0;
  readonly #waits: boolean;

  /**
   * A process may hold a lease on a file (fcntl(2), F_SETLEASE), and take 45 seconds to give it up: with `waits` that is waited
   * for, and empty chunks come out meanwhile; else it is an error, `EAGAIN`.
   */
  constructor({ waits = false }: { waits?: boolean } = {}) {
    this.#waits = waits;
  }

  /** Adds what a handle (O_PATH) stands for under a name of the archive, of a directory with its slash; not what is below it. */
  add(place: number, stat: FileStat, path: string, xattrs?: Xattrs): Generator<Buffer, void, undefined> {
    return this.#add({ stat, path, xattrs }, (common) => this.#place(place, stat.sizeBytes, common), place);
  }

  /** Adds a regular file that is open for reading already, at its start. */
  addOpened(descriptor: number, stat: FileStat, path: string, xattrs?: Xattrs): Generator<Buffer, void, undefined> {
    return this.#add({ stat, path, xattrs }, (common) => this.#file(descriptor, stat.sizeBytes, common), descriptor);
  }

  *#add(
    { stat, path, xattrs }: { stat: FileStat; path: string; xattrs: Xattrs | undefined },
    file: (common: CommonHeader) => Generator<Buffer, void, undefined>,
    place: number,
  ): Generator<Buffer, void, undefined> {
    const type = types[stat.mode & fileTypes.mask];
    if (type === undefined) return;
    const common = {
      path,
      mode: stat.mode & 0o7777,
      uid: stat.uid,
      gid: stat.gid,
      modifiedSeconds: stat.modifiedSeconds,
      ...(xattrs !== undefined && { xattrs }),
    };
    const earlier = this.#earlierName(type, stat, path);
    if (earlier !== undefined) {
      yield* this.#put(tarHeader({ ...common, type: 'hardlink', linkPath: earlier }));
    } else if (type === 'file') {
      yield* file(common);
    } else if (type === 'symlink') {
      yield* this.#put(tarHeader({ ...common, type, linkPath: readLinkAt(place) }));
    } else if (type === 'character' || type === 'block') {
      yield* this.#put(tarHeader({ ...common, type, deviceMajor: stat.nodeMajor, deviceMinor: stat.nodeMinor }));
    } else {
      yield* this.#put(tarHeader({ ...common, type }));
    }
  }

  /** Adds an empty file that stands for something. */
  *mark(path: string): Generator<Buffer, void, undefined> {
    yield* this.#put(tarHeader({ path, mode: 0 }));
  }

  /** Ends the archive. */
  *end(): Generator<Buffer, void, undefined> {
    yield* this.#put(tarEnd);
    yield* this.rest();
  }

  /** What has been added and has not come out yet. */
  *rest(): Generator<Buffer, void, undefined> {
    if (this.#usedBytes > 0) yield this.#flush();
  }

  #earlierName(type: TarEntryType, stat: FileStat, path: string): string | undefined {
    if (stat.links < 2 || type === 'directory') return undefined;
    const identity = inodeOf(stat);
    const earlier = this.#seen.get(identity);
    if (earlier === undefined) this.#seen.set(identity, path);
    return earlier;
  }

  *#open(place: number, path: string): Generator<Buffer, number, undefined> {
    for (;;) {
      const descriptor = tryOpenPlaceAgain(place, fsConstants.O_RDONLY | fsConstants.O_NONBLOCK);
      if (descriptor >= 0) return descriptor;
      if (descriptor !== -tryAgain || !this.#waits) throw new SystemCallError('open', -descriptor, path);
      Bun.sleepSync(leasePollMs);
      yield this.#flush();
    }
  }

  *#place(place: number, sizeBytes: number, common: CommonHeader): Generator<Buffer, void, undefined> {
    const descriptor = yield* this.#open(place, common.path);
    try {
      yield* this.#file(descriptor, sizeBytes, common);
    } finally {
      closeSync(descriptor);
    }
  }

  *#file(descriptor: number, sizeBytes: number, common: CommonHeader): Generator<Buffer, void, undefined> {
    const value = common.xattrs === undefined ? readXattrOf(descriptor, capability) : undefined;
    const xattrs = value === undefined ? {} : { xattrs: new Map([[capability, value]]) };
    yield* this.#put(tarHeader({ ...common, ...xattrs, sizeBytes }));
    let leftBytes = sizeBytes;
    while (leftBytes > 0) {
      if (this.#usedBytes === chunkBytes) yield this.#flush();
      const wanted = Math.min(leftBytes, chunkBytes - this.#usedBytes);
      const count = readSync(descriptor, this.#buffer, this.#usedBytes, wanted, null);
      // It is shorter by now than the header says.
      if (count === 0) this.#buffer.fill(0, this.#usedBytes, this.#usedBytes + wanted);
      this.#usedBytes += count === 0 ? wanted : count;
      leftBytes -= count === 0 ? wanted : count;
    }
    yield* this.#put(tarPadding(sizeBytes));
  }

  *#put(bytes: Uint8Array): Generator<Buffer, void, undefined> {
    for (let rest = bytes; rest.length > 0; ) {
      if (this.#usedBytes === chunkBytes) yield this.#flush();
      const piece = rest.subarray(0, chunkBytes - this.#usedBytes);
      this.#buffer.set(piece, this.#usedBytes);
      this.#usedBytes += piece.length;
      rest = rest.subarray(piece.length);
    }
  }

  /** The receiver may hold a chunk for long: the next one has memory of its own. */
  #flush(): Buffer {
    const chunk = this.#buffer.subarray(0, this.#usedBytes);
    this.#buffer = Buffer.allocUnsafe(chunkBytes);
    this.#usedBytes = 0;
    return chunk;
  }
}
