import type { Events } from '#events';
import {
  briefBytes,
  ContainerView,
  explain,
  LeavesRoot,
  type PathStat,
  type Porter,
  packBriefly,
  statPath,
  type UnpackOptions,
  unpackBriefly,
} from '#porter';
import { fail } from '#std/errors';
import { compressionOf } from '#store';
import { announce } from '../announce.ts';
import { type ContainerRecord, hasProcess } from '../record.ts';
import { readUserDatabase, resolveUser } from '../spec/index.ts';
import { briefView, byteString, openView, type ViewParts } from './view.ts';

/** How `docker cp` puts files into a container. */
export interface PutOptions {
  readonly noOverwriteDirNonDir: boolean;
  /** The files become the container's user's. */
  readonly copyUidGid: boolean;
}

/** An archive that a client is to get. */
export interface FileArchive {
  readonly stat: PathStat;
  readonly content: Uint8Array | AsyncIterable<Uint8Array>;
}

/** The files of a container, whether it runs or not. `path` is the container's; every `name` a name, an id or its beginning. */
export interface ArchiveCalls {
  statPath(name: string, path: string): Promise<PathStat>;
  getArchive(name: string, path: string): Promise<FileArchive>;
  /** Unpacks a tar, compressed or not, in a directory. */
  putArchive(name: string, path: string, options: PutOptions, body: AsyncIterable<Uint8Array>): Promise<void>;
  /** The whole file system as a tar, without what is mounted in it. */
  export(name: string): Promise<AsyncIterable<Uint8Array>>;
}

/** What they take. */
export interface ArchiveParts extends ViewParts {
  readonly events: Events;
  readonly porter: Porter;
}

/** A stream that calls `release` when its reader has come to the end, or leaves. */
function whenRead(source: AsyncIterable<Uint8Array>, release: () => Promise<void>): AsyncIterable<Uint8Array> {
  const inner = source[Symbol.asyncIterator]();
  const iterator: AsyncIterator<Uint8Array, undefined> = {
    async next() {
      try {
        const next = await inner.next();
        if (!next.done) return next;
      } catch (error) {
        await release();
        throw error;
      }
      await release();
      return { done: true, value: undefined };
    },
    async return() {
      await inner.return?.();
      await release();
      return { done: true, value: undefined };
    },
  };
  return { [Symbol.asyncIterator]: () => iterator };
}

/** Reads up to the bound: all of it, or its beginning with what comes after. */
async function readBeginning(
  body: AsyncIterable<Uint8Array>,
  limitBytes: number,
): Promise<{ pieces: Uint8Array[]; rest: AsyncIterator<Uint8Array> | undefined }> {
  const iterator = body[Symbol.asyncIterator]();
  const pieces: Uint8Array[] = [];
  for (let bytes = 0; bytes <= limitBytes; ) {
    const next = await iterator.next();
    if (next.done) return { pieces, rest: undefined };
    pieces.push(next.value);
    bytes += next.value.length;
  }
  return { pieces, rest: iterator };
}

async function* joined(
  pieces: readonly Uint8Array[],
  rest: AsyncIterator<Uint8Array> | undefined,
): AsyncGenerator<Uint8Array> {
  yield* pieces;
  while (rest !== undefined) {
    const next = await rest.next();
    if (next.done) return;
    yield next.value;
  }
}

function checkPath(path: string): void {
  if (path.includes('\0')) throw fail('invalid-argument', `lstat ${JSON.stringify(path)}: invalid argument`);
}

/** Makes the calls. Small things the engine does itself, on the overlay alone; all else a porter. */
export function createArchiveCalls(parts: ArchiveParts): ArchiveCalls {
  const { catalog, events, porter, rootfs } = parts;

  /** What the engine can do itself; undefined when it is for a porter. */
  async function briefly<T>(
    record: ContainerRecord,
    root: string,
    names: { path: string; container: string },
    body: (view: ContainerView) => T | Promise<T>,
  ): Promise<T | undefined> {
    try {
      using view = new ContainerView(briefView(parts, record, root), { stayOnRoot: true });
      return await body(view);
    } catch (error) {
      // Places of mounts are made by the first start; before it a porter makes them.
      const mayBeMade = !hasProcess(record) && record.mounts.length > 0;
      const explained = error instanceof LeavesRoot ? undefined : explain(error, names.path, names.container);
      if (explained === undefined || (mayBeMade && explained !== error)) return undefined;
      throw explained;
    }
  }

  /** Has the container's file system there for the time of a call, or of the stream that the call returns. */
  async function held<T>(
    record: ContainerRecord,
    body: (root: string, keep: () => () => Promise<void>) => Promise<T>,
  ): Promise<T> {
    const hold = rootfs.hold(record.id);
    let isKept = false;
    const keep = (): (() => Promise<void>) => {
      isKept = true;
      return async () => hold.release();
    };
    try {
      return await body(hold.directory, keep);
    } catch (error) {
      hold.release();
      throw error;
    } finally {
      if (!isKept) hold.release();
    }
  }

  async function stat(name: string, path: string): Promise<PathStat> {
    const record = catalog.find(name);
    checkPath(path);
    const work = { path: byteString(path), container: name };
    return held(record, async (root) => {
      const brief = await briefly(record, root, work, (view) => statPath(view, work.path));
      if (brief !== undefined) return brief;
      await using view = await viewOf(record, root);
      return porter.stat({ ...work, view: view.request });
    });
  }

  async function viewOf(record: ContainerRecord, root: string) {
    const view = await openView(parts, record, root);
    return { ...view, [Symbol.asyncDispose]: () => view.release() };
  }

  async function get(name: string, path: string): Promise<FileArchive> {
    const record = catalog.find(name);
    checkPath(path);
    const work = { path: byteString(path), container: name };
    return held(record, async (root, keep) => {
      const brief = await briefly(record, root, work, (view) => packBriefly(view, work.path));
      if (brief !== undefined) {
        announce(events, record, 'archive-path');
        return brief;
      }
      const view = await openView(parts, record, root);
      try {
        const packed = await porter.pack({ ...work, view: view.request });
        announce(events, record, 'archive-path');
        const release = keep();
        const releaseAll = async (): Promise<void> => {
          await view.release().finally(release);
        };
        return { stat: packed.stat, content: whenRead(packed.output, releaseAll) };
      } catch (error) {
        await view.release();
        throw error;
      }
    });
  }

  function unpackOptions(record: ContainerRecord, root: string, asked: PutOptions): UnpackOptions {
    const { noOverwriteDirNonDir, copyUidGid } = asked;
    if (!copyUidGid || record.config.User === '') return { noOverwriteDirNonDir };
    const { uid, gid } = resolveUser(record.config.User, readUserDatabase(root), []);
    return { noOverwriteDirNonDir, owner: { uid, gid } };
  }

  async function put(name: string, path: string, asked: PutOptions, body: AsyncIterable<Uint8Array>): Promise<void> {
    const record = catalog.find(name);
    checkPath(path);
    const work = { path: byteString(path), container: name };
    await held(record, async (root) => {
      const options = unpackOptions(record, root, asked);
      const { pieces, rest } = await readBeginning(body, briefBytes);
      const isPlain = compressionOf(pieces[0] ?? Buffer.alloc(0)) === 'none';
      const isDone =
        rest === undefined && isPlain
          ? await briefly(record, root, work, async (view) => {
              await unpackBriefly(view, work.path, pieces, options);
              return true;
            })
          : undefined;
      if (isDone === undefined) {
        await using view = await viewOf(record, root);
        await porter.unpack({ ...work, view: view.request, options }, joined(pieces, rest));
      }
      announce(events, record, 'extract-to-dir');
    });
  }

  async function exportAll(name: string): Promise<AsyncIterable<Uint8Array>> {
    const record = catalog.find(name);
    return held(record, async (root, keep) => {
      const view = { root, mounts: [], readOnlyRoot: false };
      const output = await porter.export({ path: '/', container: name, view });
      announce(events, record, 'export');
      return whenRead(output, keep());
    });
  }

  return { statPath: stat, getArchive: get, putArchive: put, export: exportAll };
}
