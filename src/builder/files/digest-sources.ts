import { closeSync, readSync } from 'node:fs';
import type { IndexedFile } from '#filesync';
import { type FileStat, fileTypes, listXattrsOf, openAt, readFlags, readXattrOf, statAt } from '#linux/file-tree';
import { listXattrs, readXattr } from '#linux/xattr';
import { type LowerDirectory, overlayXattrs } from '#store';
import type { LocalIndex } from '../session/session.ts';
import type { DigestedDirectory, FileFacts } from './digest-tree.ts';
import type { Pace } from './pace.ts';
import { isType } from './walk.ts';

const chunk = Buffer.allocUnsafe(256 * 1024);

function digestOpen(descriptor: number, pace: Pace): string {
  const hash = new Bun.CryptoHasher('sha256');
  for (let position = 0; ; ) {
    const count = readSync(descriptor, chunk, 0, chunk.length, position);
    if (count === 0) return `sha256:${hash.digest('hex')}`;
    pace.spend(0, count);
    hash.update(chunk.subarray(0, count));
    position += count;
  }
}

function counted(names: readonly string[], read: (name: string) => Buffer | undefined): FileFacts['xattrs'] {
  if (names.length === 0) return [];
  return names
    .filter((name) => !name.startsWith(overlayXattrs))
    .sort()
    .map((name) => [name, read(name)?.toString('latin1') ?? ''] as const);
}

/** A directory of layers, or of the host, whose files are read to be told by their contents. */
export class ReadDirectory implements DigestedDirectory<ReadDirectory> {
  readonly #directory: LowerDirectory;
  readonly #pace: Pace;

  constructor(directory: LowerDirectory, pace: Pace) {
    this.#directory = directory;
    this.#pace = pace;
  }

  stat(name: string): FileStat | undefined {
    return this.#directory.stat(name);
  }

  readLink(name: string): string {
    return this.#directory.readLink(name);
  }

  list(): string[] {
    return this.#directory.list();
  }

  enter(name: string): ReadDirectory {
    return new ReadDirectory(this.#directory.enter(name), this.#pace);
  }

  close(): void {
    this.#directory.close();
  }

  facts(name: string): FileFacts | undefined {
    this.#pace.spend(1, 0);
    if (name === '') {
      const { top } = this.#directory;
      const stat = top < 0 ? undefined : statAt(top);
      if (stat === undefined) return undefined;
      const xattrs = counted(listXattrsOf(top), (each) => readXattrOf(top, each));
      return { stat, linkTarget: '', contentDigest: '', xattrs };
    }
    const stat = this.#directory.stat(name);
    if (stat === undefined) return undefined;
    if (isType(stat, fileTypes.file)) return this.#fileFacts(name, stat);
    const path = Buffer.from(`/proc/self/fd/${this.#directory.directoryOf(name)}/${name}`, 'latin1');
    const xattrs = counted(listXattrs(path), (each) => readXattr(path, each));
    const linkTarget = isType(stat, fileTypes.symlink) ? this.#directory.readLink(name) : '';
    return { stat, linkTarget, contentDigest: '', xattrs };
  }

  #fileFacts(name: string, stat: FileStat): FileFacts {
    const descriptor = openAt(this.#directory.directoryOf(name), name, readFlags);
    try {
      const xattrs = counted(listXattrsOf(descriptor), (each) => readXattrOf(descriptor, each));
      return { stat, linkTarget: '', contentDigest: digestOpen(descriptor, this.#pace), xattrs };
    } finally {
      closeSync(descriptor);
    }
  }
}

interface Node {
  readonly entry: IndexedFile | undefined;
  readonly children: Map<string, Node>;
}

function treeOf(index: LocalIndex): Node {
  const root: Node = { entry: undefined, children: new Map() };
  const nodes = new Map<string, Node>([['', root]]);
  for (const entry of index.entries()) {
    const slash = entry.path.lastIndexOf('/');
    const node: Node = { entry, children: new Map() };
    nodes.get(entry.path.slice(0, Math.max(slash, 0)))?.children.set(entry.path.slice(slash + 1), node);
    if ((entry.mode & fileTypes.mask) === fileTypes.directory) nodes.set(entry.path, node);
  }
  return root;
}

function statOf({ mode, uid, gid, sizeBytes, modifiedNs, device }: IndexedFile): FileStat {
  return {
    ...{ mode, uid, gid, sizeBytes, links: 1, inodeLow: 0, inodeHigh: 0, deviceMajor: 0, deviceMinor: 0 },
    modifiedSeconds: Number(modifiedNs / 1_000_000_000n),
    modifiedNanoseconds: Number(modifiedNs % 1_000_000_000n),
    // As the kernel puts them together (makedev(3)).
    nodeMajor: Math.floor(device / 256) & 0xfff,
    nodeMinor: (device & 0xff) | (Math.floor(device / 4096) & 0xffffff00),
  };
}

/** A directory of a client's as its index tells of it: no file is read. */
export class IndexedDirectory implements DigestedDirectory<IndexedDirectory> {
  readonly #node: Node;

  private constructor(node: Node) {
    this.#node = node;
  }

  static of(index: LocalIndex): IndexedDirectory {
    return new IndexedDirectory(treeOf(index));
  }

  stat(name: string): FileStat | undefined {
    const entry = this.#node.children.get(name)?.entry;
    return entry === undefined ? undefined : statOf(entry);
  }

  readLink(name: string): string {
    return this.#node.children.get(name)?.entry?.linkTarget ?? '';
  }

  list(): string[] {
    return [...this.#node.children.keys()].sort();
  }

  enter(name: string): IndexedDirectory {
    return new IndexedDirectory(this.#node.children.get(name) ?? { entry: undefined, children: new Map() });
  }

  close(): void {
    // Nothing is open.
  }

  facts(name: string): FileFacts | undefined {
    const entry = name === '' ? this.#node.entry : this.#node.children.get(name)?.entry;
    if (entry === undefined) return undefined;
    const value = (each: string): Buffer => Buffer.from(entry.xattrs.get(each) ?? []);
    return {
      stat: statOf(entry),
      linkTarget: (entry.mode & fileTypes.mask) === fileTypes.symlink ? entry.linkTarget : '',
      contentDigest: entry.contentDigest ?? '',
      xattrs: entry.xattrs.size === 0 ? [] : counted([...entry.xattrs.keys()], value),
    };
  }
}
