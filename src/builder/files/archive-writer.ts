import { posix } from 'node:path';
import { fileTypes, makeHardLinkAt, setTimeOf, setXattrOf } from '#linux/file-tree';
import type { TarEntry, TarHandler } from '#oci';
import { fail } from '#std/errors';
import { EntryWriter, overlayXattrs } from '#store';
import { setNodeAttributes, setOpenAttributes } from './attributes.ts';
import { makeMissing } from './make-directories.ts';
import type { Owner } from './owner.ts';
import type { Pace } from './pace.ts';
import type { TargetDirectory } from './target-tree.ts';
import { cleanPath, isType, pathError, textOf, type Way, walk } from './walk.ts';

/**
 * Writes the entries of an archive into a directory of a layer, as ADD does: what is in the way goes, directories are merged and
 * take what the archive says of them. The directory is the root to all that is in the archive.
 */
export class ArchiveWriter implements TarHandler, Disposable {
  readonly #target: TargetDirectory;
  readonly #pace: Pace;
  readonly #owner: Owner | undefined;
  /** The directory of the last entry: that of the next is most often the same. */
  #parent: { readonly path: string; readonly way: Way<TargetDirectory> } | undefined;
  #file: { readonly writer: EntryWriter; readonly entry: TarEntry } | undefined;
  /** Filling a directory changes its time: these are set last. */
  readonly #directories = new Map<string, TarEntry>();

  constructor(target: TargetDirectory, { pace, owner }: { readonly pace: Pace; readonly owner?: Owner }) {
    this.#target = target;
    this.#pace = pace;
    this.#owner = owner;
  }

  entry(given: TarEntry): void {
    this.#pace.spend(1, 0);
    const entry = this.#owner === undefined ? given : { ...given, ...this.#owner };
    if (leadsOut(entry.path)) throw fail('invalid-argument', `invalid entry name ${quoted(entry.path)}`);
    const parts = cleanPath(entry.path);
    if (parts.some((part) => part.includes('\0')))
      throw pathError('open', JSON.stringify(entry.path), 'invalid argument');
    const name = parts.pop();
    // The directory itself stays as it is.
    if (name === undefined) return;
    const directory = this.#parentOf(parts, name);
    const present = directory.stat(name);
    const isMerged = entry.type === 'directory' && present !== undefined && isType(present, fileTypes.directory);
    if (present !== undefined && !isMerged) directory.remove(name);
    this.#make(directory, name, entry, isMerged);
  }

  data(chunk: Buffer): void {
    this.#pace.spend(0, chunk.length);
    this.#file?.writer.write(chunk);
  }

  end(): void {
    const file = this.#file;
    if (file === undefined) return;
    this.#file = undefined;
    const { writer, entry } = file;
    writer.close(() => setAttributes(writer.descriptor, entry));
  }

  /** Sets what had to wait; the archive has been read to its end. */
  finish(): void {
    for (const [path, { modifiedSeconds, modifiedNanoseconds }] of this.#directories) {
      using way = walk(this.#target, path.split('/'), false, true);
      if (way.file !== undefined || way.missing.length > 0) continue;
      setTimeOf(way.directory.materialise(), modifiedSeconds, modifiedNanoseconds);
    }
  }

  [Symbol.dispose](): void {
    this.#file?.writer.close(() => undefined);
    this.#file = undefined;
    this.#forgetParent();
  }

  #forgetParent(): void {
    this.#parent?.way[Symbol.dispose]();
    this.#parent = undefined;
  }

  #parentOf(parts: readonly string[], name: string): TargetDirectory {
    const path = parts.join('/');
    if (this.#parent?.path === path) return this.#parent.way.directory;
    this.#forgetParent();
    const way = walk(this.#target, parts, true, true);
    this.#parent = { path, way };
    if (way.file !== undefined) throw pathError('openat', `${path}/${name}`, 'not a directory');
    makeMissing(way, 0, {});
    return way.directory;
  }

  #make(directory: TargetDirectory, name: string, entry: TarEntry, isMerged: boolean): void {
    switch (entry.type) {
      case 'file':
        this.#file = { writer: new EntryWriter(directory.createFile(name), entry), entry };
        return;
      case 'directory': {
        const made = isMerged ? directory.enter(name) : directory.makeDirectory(name);
        try {
          setAttributes(made.materialise(), entry);
        } finally {
          made.close();
        }
        const path = cleanPath(entry.path).join('/');
        this.#directories.delete(path);
        this.#directories.set(path, entry);
        return;
      }
      case 'hardlink':
        this.#link(directory, name, entry);
        break;
      case 'symlink':
        directory.makeSymbolicLink(name, entry.linkPath);
        break;
      default:
        directory.makeNode(name, {
          mode: fileTypes[entry.type],
          nodeMajor: entry.deviceMajor,
          nodeMinor: entry.deviceMinor,
        });
    }
    const time = { seconds: entry.modifiedSeconds, nanoseconds: entry.modifiedNanoseconds };
    setNodeAttributes(directory.materialise(), name, { uid: entry.uid, gid: entry.gid, mode: entry.mode, time });
  }

  #link(directory: TargetDirectory, name: string, entry: TarEntry): void {
    if (leadsOut(entry.linkPath)) throw fail('invalid-argument', `invalid hardlink target ${quoted(entry.linkPath)}`);
    using way = walk(this.#target, cleanPath(entry.linkPath), false, true);
    const shown = `${entry.linkPath} ${cleanPath(entry.path).join('/')}`;
    if (way.missing.length > 0) throw pathError('linkat', shown, 'no such file or directory');
    const { file } = way;
    if (file === undefined) throw pathError('linkat', shown, 'operation not permitted');
    const from = way.directory.copyUp(file.name);
    directory.replacing(name, (own) => makeHardLinkAt(from, file.name, own, name));
  }
}

/** Whether a path goes above the archive's root, also when it comes back. */
function leadsOut(path: string): boolean {
  return path.startsWith('../') || posix.normalize(path).startsWith('../');
}

function quoted(path: string): string {
  return JSON.stringify(textOf(path));
}

function setAttributes(descriptor: number, entry: TarEntry): void {
  const { uid, gid, mode, modifiedSeconds: seconds, modifiedNanoseconds: nanoseconds } = entry;
  setOpenAttributes(descriptor, { uid, gid, mode, time: { seconds, nanoseconds } }, () => {
    for (const [name, value] of entry.xattrs) {
      if (!name.startsWith(overlayXattrs)) setXattrOf(descriptor, name, value);
    }
  });
}
