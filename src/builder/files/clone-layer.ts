import { closeSync, constants as fsConstants, openSync } from 'node:fs';
import { type DirectoryChain as Chain, DirectoryChain } from '#linux/directory-chain';
import { copyContents } from '#linux/file-contents';
import {
  type FileStat,
  fileTypes,
  inodeOf,
  listXattrsOf,
  makeDirectoryAt,
  makeHardLinkAt,
  makeNodeAt,
  makeSymbolicLinkAt,
  openAt,
  readEntries,
  readFlags,
  readLinkAt,
  readXattrOf,
  setXattrOf,
  statAt,
} from '#linux/file-tree';
import { directoryFlags, openBelow } from '#store';
import { attributesOf, setNodeAttributes, setOpenAttributes } from './attributes.ts';
import { linkedBytes } from './copy-tree.ts';
import type { Pace } from './pace.ts';

interface Frame {
  readonly names: string[];
  readonly path: string;
  readonly name: string;
  readonly stat: FileStat | undefined;
}

function copyAllXattrs(from: number, to: number): void {
  for (const name of listXattrsOf(from)) {
    const value = readXattrOf(from, name);
    if (value !== undefined) setXattrOf(to, name, value);
  }
}

function namesIn(descriptor: number): string[] {
  return readEntries(descriptor).map(({ name }) => name);
}

/** Copies a layer's directory as it is, whiteouts and all: for the same layer above others. Large files are shared. */
export class LayerCloner {
  readonly #pace: Pace;
  readonly #root: number;
  readonly #mayShare: boolean;
  readonly #linked = new Map<string, { readonly directory: string; readonly name: string }>();

  private constructor(root: number, mayShare: boolean, pace: Pace) {
    this.#mayShare = mayShare;
    this.#root = root;
    this.#pace = pace;
  }

  /** With `mayShare` the source is no part of what the target is put on. */
  static clone(from: string, to: string, mayShare: boolean, pace: Pace): void {
    using source = new DirectoryChain(openSync(from, directoryFlags));
    using target = new DirectoryChain(openSync(to, directoryFlags));
    const root = openSync(to, directoryFlags);
    try {
      new LayerCloner(root, mayShare, pace).#run(source, target);
    } finally {
      closeSync(root);
    }
  }

  #run(source: Chain, target: Chain): void {
    const frames: Frame[] = [{ names: namesIn(source.descriptor), path: '', name: '', stat: undefined }];
    for (let frame = frames.at(-1); frame !== undefined; frame = frames.at(-1)) {
      const name = frame.names.pop();
      if (name === undefined) {
        this.#leave(frame, source, target);
        frames.pop();
        continue;
      }
      this.#pace.spend(1, 0);
      const stat = statAt(source.descriptor, name);
      if (stat === undefined) continue;
      if ((stat.mode & fileTypes.mask) !== fileTypes.directory) {
        this.#file(source.descriptor, target.descriptor, frame.path, name, stat);
        continue;
      }
      makeDirectoryAt(target.descriptor, name, 0o700);
      source.enter(name);
      target.enter(name);
      frames.push({
        names: namesIn(source.descriptor),
        path: frame.path === '' ? name : `${frame.path}/${name}`,
        name,
        stat,
      });
    }
  }

  #leave({ stat }: Frame, source: Chain, target: Chain): void {
    if (stat === undefined) return;
    const [from, to] = [source.descriptor, target.descriptor];
    setOpenAttributes(to, attributesOf(stat), () => copyAllXattrs(from, to));
    source.leave();
    target.leave();
  }

  #file(from: number, to: number, directory: string, name: string, stat: FileStat): void {
    const inode = inodeOf(stat);
    if (stat.links > 1) {
      const earlier = this.#linked.get(inode);
      if (earlier !== undefined) {
        const place = openBelow(this.#root, earlier.directory) ?? -1;
        try {
          makeHardLinkAt(place, earlier.name, to, name);
        } finally {
          closeSync(place);
        }
        return;
      }
      this.#linked.set(inode, { directory, name });
    }
    const type = stat.mode & fileTypes.mask;
    const attributes = attributesOf(stat);
    if (type === fileTypes.file) {
      const mayShare = this.#mayShare && stat.links === 1 && stat.sizeBytes >= linkedBytes;
      if (mayShare && tryLink(from, to, name)) return;
      this.#contents(from, to, name, stat, attributes);
      return;
    }
    if (type === fileTypes.symlink) makeSymbolicLinkAt(to, name, readLinkAt(from, name));
    else makeNodeAt(to, name, type, stat.nodeMajor, stat.nodeMinor);
    setNodeAttributes(to, name, attributes);
  }

  #contents(
    from: number,
    to: number,
    name: string,
    stat: FileStat,
    attributes: Parameters<typeof setOpenAttributes>[1],
  ): void {
    this.#pace.spend(0, stat.sizeBytes);
    const input = openAt(from, name, readFlags);
    try {
      const output = openAt(to, name, fsConstants.O_WRONLY | fsConstants.O_CREAT | fsConstants.O_EXCL, 0o600);
      try {
        copyContents(input, output, stat.sizeBytes);
        setOpenAttributes(output, attributes, () => copyAllXattrs(input, output));
      } finally {
        closeSync(output);
      }
    } finally {
      closeSync(input);
    }
  }
}

function tryLink(from: number, to: number, name: string): boolean {
  try {
    return makeHardLinkAt(from, name, to, name);
  } catch {
    return false;
  }
}
