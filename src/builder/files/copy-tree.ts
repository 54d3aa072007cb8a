import { closeSync } from 'node:fs';
import type { IgnoreMatcher, Walked } from '#dockerfile';
import { copyContents } from '#linux/file-contents';
import { type FileStat, fileTypes, inodeOf, makeHardLinkAt, openAt, readFlags, setTimeOf } from '#linux/file-tree';
import { fail } from '#std/errors';
import { type LowerDirectory, openBelow } from '#store';
import { type Attributes, setNodeAttributes, setOpenAttributes, type Time, timeOf } from './attributes.ts';
import { changedMode } from './mode.ts';
import type { Owner } from './owner.ts';
import type { Pace } from './pace.ts';
import { mayMatchBelow } from './patterns.ts';
import { copyXattrs, type TargetDirectory } from './target-tree.ts';
import { isType, pathError, textOf } from './walk.ts';

/**
 * Files of this size and more become links to what they are copied of, for nobody writes that again: programs look at the number
 * of links of small ones (cron takes no crontab that has two).
 */
export const linkedBytes = 1024 * 1024;
/** Longer paths are none that the kernel takes. */
const pathLimitBytes = 4095;

/** How trees are copied. */
export interface CopyOptions {
  readonly owner?: Owner;
  readonly mode?: number | string;
  readonly time?: Time;
  readonly includes?: IgnoreMatcher;
  readonly excludes?: IgnoreMatcher;
  readonly replaces: boolean;
  readonly pace: Pace;
  /** Whether the source is no part of what the target shows: one file under two names there is more than a copy is. */
  readonly mayShare: boolean;
}

/** What patterns said of a path, for those below it. */
interface Matched {
  readonly isIncluded: boolean;
  readonly included?: Walked;
  readonly excluded?: Walked;
}

/** A directory on the way down; it is made when the first thing in it is. */
interface Frame {
  readonly source: LowerDirectory;
  readonly stat: FileStat;
  readonly above: Frame | TargetDirectory;
  /** Empty for the directory `above` itself. */
  readonly name: string;
  /** Where it is in what is copied; empty for its top. */
  readonly path: string;
  readonly matched: Matched;
  target?: TargetDirectory;
  isNew: boolean;
}

function shown(directory: TargetDirectory, name: string): string {
  return textOf(`/${[...directory.names, name].join('/')}`);
}

/** Copies trees in the way of BuildKit (`cp -a`, in short); hard links among what one copier copies are kept. */
export class TreeCopier {
  readonly #root: TargetDirectory;
  readonly #options: CopyOptions;
  /** What files with several links became: the path of the directory in the layer, and the name in it. */
  readonly #copied = new Map<string, { readonly directory: string; readonly name: string }>();

  constructor(root: TargetDirectory, options: CopyOptions) {
    this.#root = root;
    this.#options = options;
  }

  /** Copies a directory's contents to a name of `target`, or into `target` itself where that is empty. */
  directory(source: LowerDirectory, stat: FileStat, target: TargetDirectory, name: string): void {
    this.#fill({ source, stat, above: target, name, path: '', matched: { isIncluded: true }, isNew: false });
  }

  /** Copies what is no directory. */
  file(source: LowerDirectory, sourceName: string, stat: FileStat, target: TargetDirectory, name: string): void {
    const present = target.stat(name);
    if (present !== undefined && isType(present, fileTypes.directory)) {
      if (!this.#options.replaces) {
        throw fail('invalid-argument', `cannot replace to directory ${shown(target, name)} with file`);
      }
      target.remove(name);
    }
    this.#place(source, sourceName, stat, target, name);
  }

  /** Copies a file to where no directory is. */
  #place(source: LowerDirectory, sourceName: string, stat: FileStat, target: TargetDirectory, name: string): void {
    this.#options.pace.spend(1, 0);
    const type = stat.mode & fileTypes.mask;
    if (type === fileTypes.file) {
      this.#regular(source, sourceName, stat, target, name);
      return;
    }
    if (type === fileTypes.symlink) target.makeSymbolicLink(name, source.readLink(sourceName));
    else target.makeNode(name, stat);
    setNodeAttributes(target.materialise(), name, this.#attributesOf(stat));
  }

  #attributesOf(stat: FileStat): Attributes {
    const { owner, mode, time } = this.#options;
    const before = stat.mode & 0o7777;
    const isDirectory = isType(stat, fileTypes.directory);
    return {
      ...(owner ?? { uid: stat.uid, gid: stat.gid }),
      mode: mode === undefined ? before : changedMode(mode, before, isDirectory),
      time: time ?? timeOf(stat),
    };
  }

  #regular(source: LowerDirectory, sourceName: string, stat: FileStat, target: TargetDirectory, name: string): void {
    const from = source.directoryOf(sourceName);
    if (stat.links > 1 && this.#again(inodeOf(stat), target, name)) return;
    const attributes = this.#attributesOf(stat);
    if (!this.#shares(stat, attributes, () => target.link(from, sourceName, name))) {
      const input = openAt(from, sourceName, readFlags);
      try {
        this.#contents(input, stat, attributes, target, name);
      } finally {
        closeSync(input);
      }
    }
    if (stat.links > 1) this.#copied.set(inodeOf(stat), { directory: target.names.join('/'), name });
  }

  #contents(input: number, stat: FileStat, attributes: Attributes, target: TargetDirectory, name: string): void {
    const { pace } = this.#options;
    pace.spend(0, Math.min(stat.sizeBytes, linkedBytes));
    const output = target.createFile(name, attributes.mode);
    try {
      copyContents(input, output, stat.sizeBytes, (bytes) => pace.spend(0, bytes));
      setOpenAttributes(output, attributes, () => copyXattrs(input, output));
    } finally {
      closeSync(output);
    }
  }

  /** Whether the file could be shared with what it is copied of, which nobody else shares yet: it may be below, too. */
  #shares(stat: FileStat, { uid, gid, mode }: Attributes, link: () => boolean): boolean {
    const { time, mayShare } = this.#options;
    if (stat.sizeBytes < linkedBytes || stat.links > 1 || !mayShare || time !== undefined) return false;
    return uid === stat.uid && gid === stat.gid && mode === (stat.mode & 0o7777) && link();
  }

  /** Gives a file that was copied already a second name. */
  #again(inode: string, target: TargetDirectory, name: string): boolean {
    const earlier = this.#copied.get(inode);
    if (earlier === undefined) return false;
    const directory = openBelow(this.#root.materialise(), earlier.directory);
    if (directory === undefined) return false;
    try {
      return target.replacing(name, (own) => makeHardLinkAt(directory, earlier.name, own, name));
    } finally {
      closeSync(directory);
    }
  }

  #fill(frame: Frame): void {
    const { pace } = this.#options;
    pace.spend(1, 0);
    try {
      if (frame.matched.isIncluded) this.#made(frame);
      for (const name of frame.source.list()) {
        const stat = frame.source.stat(name);
        if (stat !== undefined) this.#entry(frame, name, stat);
      }
      this.#finish(frame);
    } finally {
      if (frame.name !== '') frame.target?.close();
    }
  }

  #entry(frame: Frame, name: string, stat: FileStat): void {
    const path = frame.path === '' ? name : `${frame.path}/${name}`;
    if (path.length > pathLimitBytes) throw pathError('lstat', `/${path}`, 'file name too long');
    const matched = this.#match(path, frame.matched);
    if (!isType(stat, fileTypes.directory)) {
      if (!matched.isIncluded) return;
      const target = this.#made(frame);
      // Nothing can be in the way in a directory of our own.
      if (frame.isNew) this.#place(frame.source, name, stat, target, name);
      else this.file(frame.source, name, stat, target, name);
      return;
    }
    if (!matched.isIncluded && !this.#mayMatchBelow(path, matched)) return;
    const source = frame.source.enter(name);
    try {
      this.#fill({ source, stat, above: frame, name, path, matched, isNew: false });
    } finally {
      source.close();
    }
  }

  #match(path: string, parent: Matched): Matched {
    const { includes, excludes } = this.#options;
    if (includes === undefined && excludes === undefined) return parent;
    const text = textOf(path);
    const included = includes?.walk(text, parent.included);
    const excluded = excludes?.walk(text, parent.excluded);
    return {
      isIncluded: included?.ignored !== false && excluded?.ignored !== true,
      ...(included !== undefined && { included }),
      ...(excluded !== undefined && { excluded }),
    };
  }

  /** Whether anything in a directory that is not copied itself may be. */
  #mayMatchBelow(path: string, { included, excluded }: Matched): boolean {
    const { includes, excludes } = this.#options;
    if (excluded?.ignored === true && excludes?.hasExceptions === false) return false;
    return includes === undefined || included?.ignored === true || mayMatchBelow(includes, textOf(path));
  }

  /** The directory that a frame stands for, made where it is missing. */
  #made(frame: Frame): TargetDirectory {
    if (frame.target !== undefined) return frame.target;
    const above = 'source' in frame.above ? this.#made(frame.above) : frame.above;
    if (frame.name === '') {
      frame.target = above;
      return above;
    }
    const present = above.stat(frame.name);
    if (present === undefined || !isType(present, fileTypes.directory)) {
      if (present !== undefined) {
        const path = shown(above, frame.name);
        if (!this.#options.replaces) throw fail('invalid-argument', `cannot copy to non-directory: ${path}`);
        above.remove(frame.name);
      }
      frame.target = above.makeDirectory(frame.name);
      frame.isNew = true;
    } else frame.target = above.enter(frame.name);
    return frame.target;
  }

  /** Filling a directory changes its time: what it is to be is set last. The top one keeps what it was, save its time. */
  #finish(frame: Frame): void {
    const { target, stat, matched, isNew } = frame;
    if (target === undefined) return;
    const attributes = this.#attributesOf(stat);
    const isTop = frame.path === '';
    if (isNew || (!isTop && matched.isIncluded && this.#options.includes === undefined)) {
      const own = target.materialise();
      setOpenAttributes(own, attributes, () => copyXattrs(frame.source.top, own));
    } else if (matched.isIncluded) {
      const { seconds, nanoseconds } = attributes.time ?? timeOf(stat);
      setTimeOf(target.materialise(), seconds, nanoseconds);
    }
  }
}
