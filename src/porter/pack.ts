import { closeSync, constants as fsConstants } from 'node:fs';
import { DirectoryChain } from '#linux/directory-chain';
import { fileTypes, openAt, readEntries, statAt } from '#linux/file-tree';
import { TreePacker } from '#store';
import { type ContainerView, cleanPath, isType, type Place } from './view.ts';

interface Frame {
  /** Sorted, the first last. */
  readonly names: string[];
  /** Length of the archive's path of this directory. */
  readonly prefixLength: number;
}

/** An absolute path of the container as `docker cp` means it: cleaned, but a trailing slash, or slash and dot, kept. */
export function absolutePath(path: string): string {
  const clean = `/${cleanPath(path).join('/')}`;
  const isRoot = clean === '/';
  if (path === '.' || path.endsWith('/.')) return isRoot ? '/.' : `${clean}/.`;
  return path.endsWith('/') && !isRoot ? `${clean}/` : clean;
}

/** The last component of a path, as Go's filepath.Base has it. */
export function baseName(path: string): string {
  const trimmed = path.replace(/\/+$/, '');
  if (trimmed === '') return path === '' ? '.' : '/';
  return trimmed.slice(trimmed.lastIndexOf('/') + 1);
}

function readNames(view: ContainerView, descriptor: number, names: readonly string[]): string[] {
  const found = readEntries(descriptor).map(({ name }) => name);
  const mounted = view.hasMounts ? view.mountedIn(names).filter((name) => !found.includes(name)) : [];
  return [...found, ...mounted].sort().reverse();
}

/** Opens for reading the directory that a handle stands for. */
function openHandle(place: number): number {
  return openAt(place, '.', fsConstants.O_RDONLY | fsConstants.O_DIRECTORY);
}

/** Everything below a directory, in the order of the names; what vanishes meanwhile is left out. */
function* packBelow(view: ContainerView, top: Place, prefix: string, packer: TreePacker): Generator<Buffer> {
  const opened = openHandle(top.descriptor);
  using chain = new DirectoryChain(opened);
  const names = [...top.names];
  const frames: Frame[] = [{ names: readNames(view, opened, names), prefixLength: prefix.length }];
  let path = prefix;
  for (let frame = frames.at(-1); frame !== undefined; frame = frames.at(-1)) {
    const name = frame.names.pop();
    if (name === undefined) {
      frames.pop();
      names.pop();
      if (frames.length > 0) chain.leave();
      continue;
    }
    path = path.slice(0, frame.prefixLength);
    const place = view.openIn(chain.descriptor, names, name);
    if (place < 0) continue;
    try {
      const stat = statAt(place);
      if (stat === undefined) continue;
      const isDirectory = isType(stat, fileTypes.directory);
      path += isDirectory ? `${name}/` : name;
      yield* packer.add(place, stat, path);
      if (!isDirectory) continue;
      const isDetached = view.mountAt(names, name) !== undefined;
      const descriptor = chain.enterOpened(openHandle(place), isDetached);
      names.push(name);
      frames.push({ names: readNames(view, descriptor, names), prefixLength: path.length });
    } finally {
      closeSync(place);
    }
  }
}

/**
 * The tar that `GET /containers/{id}/archive` answers with, of a place looked up by `path` (see `absolutePath`). See `TreePacker`
 * for `waits`.
 */
export function* packPlace(
  view: ContainerView,
  place: Place,
  path: string,
  options: { waits: boolean },
): Generator<Buffer> {
  const packer = new TreePacker(options);
  const base = baseName(path);
  if (isType(place.stat, fileTypes.directory)) {
    const prefix = base === '/' ? '/' : `${base}/`;
    yield* packer.add(place.descriptor, place.stat, prefix);
    yield* packBelow(view, place, prefix, packer);
  } else {
    yield* packer.add(place.descriptor, place.stat, base);
  }
  yield* packer.end();
}

/** The tar of a whole file system: names without a beginning. */
export function* packRoot(view: ContainerView): Generator<Buffer> {
  const packer = new TreePacker({ waits: true });
  const root = view.lookUp('/', true);
  try {
    yield* packBelow(view, root, '', packer);
  } finally {
    closeSync(root.descriptor);
  }
  yield* packer.end();
}
