import { type FileStat, fileTypes } from '#linux/file-tree';
import { fail } from '#std/errors';
import type { ContentSelection } from '../solver/steps.ts';
import { matcherOf, mayMatchBelow } from './patterns.ts';
import { bytesOf, cleanPath, isType, textOf, walk } from './walk.ts';
import { type ListedDirectory, matchPaths } from './wildcards.ts';

/** What a digest counts of a file besides its type and mode. */
export interface FileFacts {
  readonly stat: FileStat;
  /** Target of a symbolic link. */
  readonly linkTarget: string;
  /** Sorted by name; values as byte strings. */
  readonly xattrs: readonly (readonly [name: string, value: string])[];
  /** Of the contents of a regular file, `sha256:…`. */
  readonly contentDigest: string;
}

/** A tree whose files can be told by their contents. */
export interface DigestedDirectory<T> extends ListedDirectory<T> {
  /** Of a name in it; of the directory itself with an empty one. */
  facts(name: string): FileFacts | undefined;
}

export interface TreeDigest {
  readonly digest: string;
  /** A short digest of each file by its path; empty when it was not asked for. */
  readonly files: readonly (readonly [path: string, digest: string])[];
}

type Matchers = Readonly<Record<'includes' | 'excludes', ReturnType<typeof matcherOf>>>;
type Matched = Parameters<NonNullable<ReturnType<typeof matcherOf>>['walk']>[1];
/** Directories on the way down that count once something in them does. */
interface Frame<T> {
  readonly directory: T;
  /** Below what was selected; empty for its top. */
  readonly path: string;
  readonly above: Frame<T> | undefined;
  readonly included: Matched;
  readonly excluded: Matched;
  isCounted: boolean;
}

const shortDigits = 12;

function lineOf(path: string, { stat, linkTarget, xattrs, contentDigest }: FileFacts): string {
  const isDevice = isType(stat, fileTypes.character) || isType(stat, fileTypes.block);
  const device = isDevice ? `${stat.nodeMajor}:${stat.nodeMinor}` : '';
  return JSON.stringify([path, stat.mode, stat.uid, stat.gid, linkTarget, device, contentDigest, xattrs]);
}

class TreeHash<T extends DigestedDirectory<T>> {
  readonly #hash = new Bun.CryptoHasher('sha256');
  readonly #matchers: Matchers;
  readonly #lists: boolean;
  readonly #prefix: string;
  readonly files: (readonly [string, string])[] = [];

  constructor(matchers: Matchers, lists: boolean, prefix: string) {
    this.#matchers = matchers;
    this.#lists = lists;
    this.#prefix = prefix;
  }

  finish(): string {
    return this.#hash.digest('hex');
  }

  /** One file, or a directory without what is in it. */
  count(path: string, facts: FileFacts): void {
    const line = lineOf(path, facts);
    this.#hash.update(`${line}\n`);
    if (!this.#lists || isType(facts.stat, fileTypes.directory)) return;
    const short = new Bun.CryptoHasher('sha256').update(line).digest('hex').slice(0, shortDigits);
    this.files.push([textOf(path === '' ? this.#prefix : `${this.#prefix}/${path}`), short]);
  }

  /** All of a directory; that of the root itself nobody can copy. */
  tree(directory: T, isRoot: boolean): void {
    const patterns = { included: undefined, excluded: undefined };
    this.#fill({ directory, path: '', above: undefined, ...patterns, isCounted: isRoot }, true);
  }

  #countDirectory(frame: Frame<T>): void {
    if (frame.isCounted) return;
    frame.isCounted = true;
    if (frame.above !== undefined) this.#countDirectory(frame.above);
    const facts = frame.directory.facts('');
    if (facts !== undefined) this.count(frame.path, facts);
  }

  #fill(frame: Frame<T>, counts: boolean): void {
    const { includes, excludes } = this.#matchers;
    if (counts) this.#countDirectory(frame);
    for (const name of frame.directory.list()) {
      const path = frame.path === '' ? name : `${frame.path}/${name}`;
      const text = includes === undefined && excludes === undefined ? '' : textOf(path);
      const included = includes?.walk(text, frame.included);
      const excluded = excludes?.walk(text, frame.excluded);
      const isIncluded = included?.ignored !== false && excluded?.ignored !== true;
      const stat = frame.directory.stat(name);
      if (stat === undefined) continue;
      if (!isType(stat, fileTypes.directory)) {
        if (isIncluded) this.#file(frame, name, path);
        continue;
      }
      if (!isIncluded && excluded?.ignored === true && excludes?.hasExceptions === false) continue;
      if (!isIncluded && includes !== undefined && included?.ignored === false && !mayMatchBelow(includes, text))
        continue;
      const directory = frame.directory.enter(name);
      try {
        this.#fill({ directory, path, above: frame, included, excluded, isCounted: false }, isIncluded);
      } finally {
        directory.close();
      }
    }
  }

  #file(frame: Frame<T>, name: string, path: string): void {
    this.#countDirectory(frame);
    const facts = frame.directory.facts(name);
    if (facts !== undefined) this.count(path, facts);
  }
}

/** `"/x": not found`, as BuildKit has it. */
function missing(path: string) {
  return fail('not-found', `${JSON.stringify(`/${path}`)}: not found`);
}

/**
 * Digest of the files of a tree that a copy would take, by path, type, mode, owner, contents, link target, device and attributes,
 * and never by time. Throws `not-found` for a path that is not there.
 */
export function digestTree<T extends DigestedDirectory<T>>(
  root: T,
  selection: ContentSelection,
  listsFiles: boolean,
): TreeDigest {
  const { source, followsSymlink = false, allowsWildcard = false, includes = [], excludes = [] } = selection;
  const matchers = { includes: matcherOf('include', includes), excludes: matcherOf('exclude', excludes) };
  for (const path of selection.requiredPaths ?? []) {
    const parts = cleanPath(`${source}/${path}`);
    using way = walk(root, parts.map(bytesOf), followsSymlink);
    if (way.missing.length > 0) throw missing(parts.join('/'));
  }
  const paths = allowsWildcard ? matchPaths(root, source, followsSymlink) : [cleanPath(source).map(bytesOf)];
  const total = new Bun.CryptoHasher('sha256');
  const files: (readonly [string, string])[] = [];
  for (const path of paths) {
    using way = walk(root, path, followsSymlink);
    if (way.missing.length > 0) throw missing(textOf(path.join('/')));
    const hash = new TreeHash<T>(matchers, listsFiles, path.join('/'));
    if (way.file === undefined) hash.tree(way.directory, way.names.length === 0);
    else {
      const facts = way.directory.facts(way.file.name);
      if (facts !== undefined) hash.count('', facts);
    }
    total.update(`${JSON.stringify(path)} ${hash.finish()}\n`);
    for (const file of hash.files) files.push(file);
  }
  return { digest: `sha256:${total.digest('hex')}`, files };
}
