import { closeSync } from 'node:fs';
import { ConfinedDirectory } from '#linux/confined-directory';
import { hasCode, isRefusedFile, SystemCallError } from '#linux/errno';
import { createTarReader, type TarEntry, type TarHandler } from '#oci';
import { fail } from '#std/errors';
import { EntryWriter } from './entry-writer.ts';
import { opaqueXattr, overlayXattrs } from './snapshot-lower.ts';

/** OCI image specification, layer: a file so named hides `name` in the layers below. */
const whiteoutPrefix = '.wh.';
/** Names with this prefix are notes of a file system that is no more; only the opaque marker means something. */
const metadataPrefix = '.wh..wh.';
const opaqueMarker = '.wh..wh..opq';
const yes = Buffer.from('y');

/** What a layer turned out to hold. */
export interface UnpackedTree {
  /** Bytes that its files take. */
  readonly sizeBytes: number;
  /** It says itself who owns its root. */
  readonly hasRoot: boolean;
}

/** What unpacks one layer; give it the tar piece by piece, then `close` it for what it holds. */
export interface LayerUnpacker {
  write(chunk: Uint8Array): Promise<void>;
  /** Sets what had to wait. Throws when the tar is cut off. */
  close(): UnpackedTree;
  /** Gives up what is open; harmless after `close`. */
  abandon(): void;
}

function split(path: string): { directory: string; name: string } {
  const trimmed = path.replace(/\/+$/, '');
  const slash = trimmed.lastIndexOf('/');
  return { directory: trimmed.slice(0, slash + 1), name: trimmed.slice(slash + 1) };
}

/** `./`, `/` and the like. */
function isRoot(path: string): boolean {
  return path.split('/').every((part) => part === '' || part === '.' || part === '..');
}

/** How a tar is unpacked that is no layer. */
export interface PlainTar {
  /** All belongs to root, whatever the tar says. */
  readonly resetsOwner: boolean;
  /** Hears of each file that is complete and still open. The contents of sparse ones are not hashed. */
  readonly onFile: (descriptor: number, digest: Uint8Array | undefined) => void;
}

class LayerHandler implements TarHandler {
  #file: EntryWriter | undefined;
  #hash: Bun.CryptoHasher | undefined;
  /** Filling a directory changes its time: these are set last. */
  readonly #directories = new Map<string, TarEntry>();
  sizeBytes = 0;
  hasRoot = false;

  constructor(
    readonly tree: ConfinedDirectory,
    readonly plain: PlainTar | undefined,
  ) {}

  entry(entry: TarEntry): void {
    const { directory, name } = split(entry.path);
    if (name.startsWith(whiteoutPrefix) && this.plain === undefined) {
      this.#whiteout(directory, name);
      return;
    }
    const kept = withoutReserved(entry);
    const clean = this.plain?.resetsOwner ? { ...kept, uid: 0, gid: 0 } : kept;
    switch (entry.type) {
      case 'file':
        this.#file = new EntryWriter(this.tree.createFile(entry.path, entry.mode), clean);
        this.sizeBytes += entry.sizeBytes;
        if (this.plain !== undefined && entry.sparse === undefined) this.#hash = new Bun.CryptoHasher('sha256');
        break;
      case 'directory':
        if (this.tree.makeDirectory(entry.path) === 'replaced whiteout') this.#makeOpaque(entry.path);
        this.tree.setAttributes(entry.path, clean);
        // The last one that names it counts, however it is spelled.
        this.#directories.delete(entry.path);
        this.#directories.set(entry.path, clean);
        if (isRoot(entry.path)) this.hasRoot = true;
        break;
      case 'symlink':
        this.tree.makeSymbolicLink(entry.path, entry.linkPath);
        this.tree.setAttributes(entry.path, clean, true);
        this.sizeBytes += entry.linkPath.length;
        break;
      case 'hardlink':
        this.tree.makeHardLink(entry.path, entry.linkPath);
        break;
      default:
        this.tree.makeNode(entry.path, entry.type, entry.deviceMajor, entry.deviceMinor);
        this.tree.setAttributes(entry.path, clean);
    }
  }

  data(chunk: Buffer): void {
    this.#file?.write(chunk);
    this.#hash?.update(chunk);
  }

  end(): void {
    const file = this.#file;
    if (file === undefined) return;
    this.#file = undefined;
    const { descriptor, entry } = file;
    const digest = this.#hash?.digest();
    this.#hash = undefined;
    file.close(() => {
      this.tree.setFileAttributes(descriptor, entry.path, entry);
      this.plain?.onFile(descriptor, digest);
    });
  }

  finish(): void {
    for (const [path, entry] of this.#directories) {
      if (this.tree.lookUp(path)?.isDirectory()) this.tree.setTime(path, entry);
    }
    this.sizeBytes -= this.tree.replacedBytes;
  }

  abandon(): void {
    if (this.#file !== undefined) closeSync(this.#file.descriptor);
    this.#file = undefined;
  }

  #whiteout(directory: string, name: string): void {
    if (name === opaqueMarker) {
      this.tree.makeDirectory(directory);
      this.#makeOpaque(directory);
      return;
    }
    if (name.startsWith(metadataPrefix)) return;
    const hidden = name.slice(whiteoutPrefix.length);
    if (hidden === '' || hidden === '.' || hidden === '..') {
      throw fail('invalid-argument', `invalid whiteout name: ${JSON.stringify(name)}`);
    }
    const path = directory + hidden;
    // A whiteout hides what is below, never what the same layer brings.
    const present = this.tree.lookUp(path);
    if (present === undefined) this.tree.makeNode(path, 'character');
    else if (present.isDirectory()) this.#makeOpaque(path);
  }

  #makeOpaque(path: string): void {
    if (!this.tree.setXattr(path, opaqueXattr, yes)) {
      throw new SystemCallError('lsetxattr', 95, opaqueXattr);
    }
  }
}

function withoutReserved(entry: TarEntry): TarEntry {
  if (entry.xattrs.size === 0) return entry;
  const kept = [...entry.xattrs].filter(([name]) => !name.startsWith(overlayXattrs));
  return { ...entry, xattrs: new Map(kept) };
}

/** What the kernel refuses to make, or is there twice, is the tar's fault, not ours. */
function blame(error: unknown): unknown {
  if (!isRefusedFile(error) && !hasCode(error, 'EEXIST')) return error;
  return fail('invalid-argument', `archive/tar: ${(error as Error).message}`, error);
}

/**
 * Unpacks a layer's tar into `directory`, which it cannot leave. Whiteouts become those of overlayfs (OCI image
 * specification, layer, "Representing Changes"); owners, modes, times, extended attributes, devices and holes are kept. With
 * `plain` it is any tar: nothing in it is a whiteout.
 */
export function unpackLayer(directory: string, plain?: PlainTar): LayerUnpacker {
  const tree = new ConfinedDirectory(directory);
  const handler = new LayerHandler(tree, plain);
  const reader = createTarReader(handler);
  let isOpen = true;
  const abandon = (): void => {
    if (!isOpen) return;
    isOpen = false;
    handler.abandon();
    tree[Symbol.dispose]();
  };
  return {
    async write(chunk) {
      try {
        await reader.write(chunk);
      } catch (error) {
        throw blame(error);
      }
    },
    close() {
      try {
        reader.close();
        handler.finish();
        return { sizeBytes: handler.sizeBytes, hasRoot: handler.hasRoot };
      } finally {
        abandon();
      }
    },
    abandon,
  };
}
