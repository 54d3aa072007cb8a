import type { SparseExtent, TarEntry, TarHandler } from '#oci';
import { fail } from '#std/errors';
import { overlayXattrs } from './snapshot-lower.ts';

/** OCI image specification, layer: a file so named hides `name` in the layers below. */
const whiteoutPrefix = '.wh.';
const metadataPrefix = '.wh..wh.';
const opaqueMarker = '.wh..wh..opq';
/** As the kernel's: so many symbolic links on the way to a file. */
const linksLimit = 40;

/** A file as a layer's tar has it. Hard links are one file under several names. */
export interface ModelFile {
  readonly type: Exclude<TarEntry['type'], 'hardlink'> | 'whiteout';
  mode: number;
  uid: number;
  gid: number;
  /** No entry of its own told its owner and mode: it is there because something is in it. */
  isImplied: boolean;
  isOpaque: boolean;
  xattrs: ReadonlyMap<string, Buffer>;
  /** Not there where no entry told it. */
  modified?: { readonly seconds: number; readonly nanoseconds: number };
  readonly sizeBytes: number;
  readonly linkPath: string;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  readonly sparse?: readonly SparseExtent[];
  /** Of the contents, of a sparse file of what its extents hold; once they were read. */
  digest?: string;
  readonly children?: Map<string, ModelFile>;
}

const nothing: Pick<ModelFile, 'xattrs' | 'sizeBytes' | 'linkPath' | 'deviceMajor' | 'deviceMinor'> = {
  xattrs: new Map(),
  sizeBytes: 0,
  linkPath: '',
  deviceMajor: 0,
  deviceMinor: 0,
};

function impliedDirectory(): ModelFile {
  const owner = { mode: 0o755, uid: 0, gid: 0 };
  return { ...nothing, ...owner, type: 'directory', isImplied: true, isOpaque: false, children: new Map() };
}

function components(path: string): string[] {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts;
}

/**
 * The tree that a layer's tar makes, in memory: each of its files once, of contents the digest alone. It follows the rules
 * by which `unpackLayer` writes a tree, so that one may be compared with the other.
 */
export class LayerModel implements TarHandler {
  readonly root = impliedDirectory();
  #open: { file: ModelFile; hash: Bun.CryptoHasher } | undefined;

  entry(entry: TarEntry): void {
    const parts = components(entry.path);
    const name = parts.pop();
    if (name?.startsWith(whiteoutPrefix)) {
      this.#whiteout(parts, name);
      return;
    }
    if (name === undefined) {
      if (entry.type === 'directory') describe(this.root, entry);
      return;
    }
    const children = this.#directory(parts);
    if (entry.type === 'hardlink') this.#link(children, name, [...parts, name], components(entry.linkPath));
    else if (entry.type === 'directory') describe(makeDirectory(children, name), entry);
    else {
      const file = fileOf(entry, entry.type);
      children.set(name, file);
      if (entry.type === 'file') this.#open = { file, hash: new Bun.CryptoHasher('sha256') };
    }
  }

  data(chunk: Buffer): void {
    this.#open?.hash.update(chunk);
  }

  end(): void {
    if (this.#open !== undefined) this.#open.file.digest = this.#open.hash.digest('base64');
    this.#open = undefined;
  }

  #whiteout(parts: readonly string[], name: string): void {
    if (name === opaqueMarker) {
      const own = parts.at(-1);
      const directory = own === undefined ? this.root : makeDirectory(this.#directory(parts.slice(0, -1)), own);
      directory.isOpaque = true;
      return;
    }
    if (name.startsWith(metadataPrefix)) return;
    const children = this.#directory(parts);
    const hidden = name.slice(whiteoutPrefix.length);
    const present = children.get(hidden);
    if (present === undefined) children.set(hidden, { ...impliedDirectory(), type: 'whiteout' });
    else if (present.type === 'directory') present.isOpaque = true;
  }

  #link(children: Map<string, ModelFile>, name: string, path: readonly string[], target: readonly string[]): void {
    if (path.join('/') === target.join('/')) return;
    const file = this.#directory(target.slice(0, -1)).get(target.at(-1) ?? '');
    if (file === undefined) throw fail('invalid-argument', `hard link to ${target.join('/')}, which is not there`);
    children.set(name, file);
  }

  /** What is in a directory, which is made where it is missing; links on the way lead nowhere out of the tree. */
  #directory(path: readonly string[]): Map<string, ModelFile> {
    const way: ModelFile[] = [];
    const rest = [...path].reverse();
    let links = 0;
    for (let name = rest.pop(); name !== undefined; name = rest.pop()) {
      const above = way.at(-1) ?? this.root;
      if (name === '' || name === '.') continue;
      if (name === '..') {
        way.pop();
        continue;
      }
      const found = above.children?.get(name);
      if (found?.type === 'symlink') {
        links += 1;
        if (links > linksLimit) throw fail('invalid-argument', `too many links on the way to ${path.join('/')}`);
        if (found.linkPath.startsWith('/')) way.length = 0;
        rest.push(...found.linkPath.split('/').reverse());
      } else if (found === undefined) way.push(makeDirectory(above.children ?? new Map(), name));
      else way.push(found);
    }
    const { children } = way.at(-1) ?? this.root;
    if (children === undefined) throw fail('invalid-argument', `${path.join('/')} is no directory`);
    return children;
  }
}

function makeDirectory(children: Map<string, ModelFile>, name: string): ModelFile {
  const present = children.get(name);
  if (present?.type === 'directory') return present;
  const made = impliedDirectory();
  // What a whiteout hid stays hidden.
  if (present?.type === 'whiteout' || (present !== undefined && isWhiteoutDevice(present))) made.isOpaque = true;
  children.set(name, made);
  return made;
}

/** Whether a device is the very one that overlayfs takes for a whiteout. */
export function isWhiteoutDevice({ type, deviceMajor, deviceMinor }: ModelFile): boolean {
  return type === 'character' && deviceMajor === 0 && deviceMinor === 0;
}

function describe(file: ModelFile, entry: TarEntry): void {
  const { mode, uid, gid, xattrs } = entry;
  const modified = modifiedOf(entry);
  Object.assign(file, { mode: mode & 0o7777, uid, gid, modified, xattrs: withoutReserved(xattrs), isImplied: false });
}

function modifiedOf({ modifiedSeconds, modifiedNanoseconds }: TarEntry) {
  return { seconds: modifiedSeconds, nanoseconds: modifiedNanoseconds };
}

function fileOf(entry: TarEntry, type: Exclude<TarEntry['type'], 'hardlink'>): ModelFile {
  const { mode, uid, gid, sizeBytes, linkPath, deviceMajor, deviceMinor, sparse } = entry;
  return {
    ...{ type, mode: mode & 0o7777, uid, gid, sizeBytes, linkPath, deviceMajor, deviceMinor },
    modified: modifiedOf(entry),
    xattrs: withoutReserved(entry.xattrs),
    isImplied: false,
    isOpaque: false,
    ...(sparse === undefined ? {} : { sparse }),
  };
}

function withoutReserved(xattrs: ReadonlyMap<string, Buffer>): ReadonlyMap<string, Buffer> {
  return xattrs.size === 0 ? xattrs : new Map([...xattrs].filter(([name]) => !name.startsWith(overlayXattrs)));
}
