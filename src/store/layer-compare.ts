import { closeSync, constants as fsConstants, openSync, readSync } from 'node:fs';
import { DirectoryChain } from '#linux/directory-chain';
import { type FileStat, fileTypes, inodeOf, openAt, readEntries, readLinkAt, statAt } from '#linux/file-tree';
import { listXattrs, readXattr } from '#linux/xattr';
import { isWhiteoutDevice, type LayerModel, type ModelFile } from './layer-model.ts';
import { directoryFlags, isWhiteout, opaqueXattr } from './snapshot-lower.ts';

/** What is wrong with one file of an unpacked layer. */
export interface LayerFault {
  /** Absolute within the layer; a byte string (`latin1`). */
  readonly path: string;
  readonly kind: 'missing' | 'changed' | 'extra';
  /** Of a changed file: type, mode, owner, size, contents, link, hard link, device, opaque, an attribute's name, or time. */
  readonly what: readonly string[];
}

/** Owner and mode of a layer's root, for a layer above that brings none of its own. */
export interface RootAttributes {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** Not the tar's but the host's: its security module labels what lies on the disk. */
const hostXattrs = new Set(['security.selinux', opaqueXattr]);
const readBytes = 1024 * 1024;
const typeBits: Readonly<Record<ModelFile['type'], number>> = {
  file: fileTypes.file,
  directory: fileTypes.directory,
  symlink: fileTypes.symlink,
  character: fileTypes.character,
  block: fileTypes.block,
  fifo: fileTypes.fifo,
  whiteout: fileTypes.character,
};

const buffer = Buffer.allocUnsafe(readBytes);
const zeroes = Buffer.alloc(readBytes);

/** Hashes `length` bytes of a file from `offset` on. */
function feed(descriptor: number, hash: Bun.CryptoHasher, offset: number, length: number): void {
  for (let read = 0; read < length; ) {
    const count = readSync(descriptor, buffer, 0, Math.min(readBytes, length - read), offset + read);
    if (count === 0) return;
    hash.update(buffer.subarray(0, count));
    read += count;
  }
}

function isZero(descriptor: number, offset: number, length: number): boolean {
  for (let read = 0; read < length; ) {
    const count = readSync(descriptor, buffer, 0, Math.min(readBytes, length - read), offset + read);
    if (count === 0) return true;
    if (buffer.compare(zeroes, 0, count, 0, count) !== 0) return false;
    read += count;
  }
  return true;
}

function hasContents(directory: number, name: string, { digest, sparse, sizeBytes }: ModelFile): boolean {
  const descriptor = openAt(directory, name, fsConstants.O_RDONLY | fsConstants.O_NOFOLLOW);
  try {
    const hash = new Bun.CryptoHasher('sha256');
    let end = 0;
    for (const { offset, length } of sparse ?? [{ offset: 0, length: sizeBytes }]) {
      if (!isZero(descriptor, end, offset - end)) return false;
      feed(descriptor, hash, offset, length);
      end = offset + length;
    }
    return hash.digest('base64') === digest && isZero(descriptor, end, sizeBytes - end);
  } finally {
    closeSync(descriptor);
  }
}

function changedXattrs(path: Buffer, wanted: ModelFile): string[] {
  const changed = new Set<string>();
  for (const name of listXattrs(path)) if (!wanted.xattrs.has(name) && !hostXattrs.has(name)) changed.add(name);
  for (const [name, value] of wanted.xattrs) if (readXattr(path, name)?.equals(value) !== true) changed.add(name);
  const isOpaque = wanted.type === 'directory' && readXattr(path, opaqueXattr)?.toString('latin1') === 'y';
  if (wanted.type === 'directory' && isOpaque !== wanted.isOpaque) changed.add('opaque');
  return [...changed];
}

/** What every file system can store: seconds of 32 bits. Others store more, and nobody says how much. */
const latestSeconds = 2 ** 31 - 1;

/** Whether its time is another than the tar says: some file systems keep whole seconds alone. */
function hasOtherTime({ modifiedSeconds, modifiedNanoseconds }: FileStat, { modified }: ModelFile): boolean {
  if (modified === undefined || Math.abs(modified.seconds) > latestSeconds) return false;
  if (modifiedSeconds !== modified.seconds) return true;
  return modifiedNanoseconds !== 0 && modifiedNanoseconds !== modified.nanoseconds;
}

/** What differs between a file of the tree and what the tar says it is, apart from its time. */
function differences(directory: number, name: string, stat: FileStat, wanted: ModelFile): string[] {
  if ((stat.mode & fileTypes.mask) !== typeBits[wanted.type]) return ['type'];
  if (wanted.type === 'whiteout') return isWhiteout(stat) ? [] : ['device'];
  const what: string[] = [];
  const isLink = wanted.type === 'symlink';
  if (!isWhiteoutDevice(wanted) && !wanted.isImplied) {
    if (!isLink && (stat.mode & 0o7777) !== wanted.mode) what.push('mode');
    if (stat.uid !== wanted.uid || stat.gid !== wanted.gid) what.push('owner');
  }
  if (isLink && readLinkAt(directory, name) !== wanted.linkPath) what.push('link');
  if (wanted.type === 'file') {
    if (stat.sizeBytes !== wanted.sizeBytes) what.push('size');
    else if (!hasContents(directory, name, wanted)) what.push('contents');
  }
  if (wanted.type === 'character' || wanted.type === 'block') {
    if (stat.nodeMajor !== wanted.deviceMajor || stat.nodeMinor !== wanted.deviceMinor) what.push('device');
  }
  what.push(...changedXattrs(Buffer.from(`/proc/self/fd/${directory}/${name}`, 'latin1'), wanted));
  return what;
}

interface Frame {
  readonly path: string;
  readonly wanted: ModelFile;
  /** Names that are there, still to be looked at. */
  readonly names: string[];
}

/**
 * Compares an unpacked layer with what its tar makes: names, types, modes, owners, sizes, contents, extended attributes,
 * links, devices, and the times of what is as it should be otherwise, for what is changed has another time anyway, and so has a
 * directory that lost or got a name. An extra directory is told of once, without what is in it. Nothing is followed.
 * `inherited` is what the root must look like when the tar does not say.
 */
export function* compareLayer(tree: string, model: LayerModel, inherited: RootAttributes): Generator<LayerFault> {
  using chain = new DirectoryChain(openSync(tree, directoryFlags));
  const inodes = new Map<ModelFile, string>();
  const root = model.root.isImplied ? { ...model.root, ...inherited, isImplied: false } : model.root;
  const own = statAt(chain.descriptor);
  const rootFaults = own === undefined ? ['type'] : differences(chain.descriptor, '.', own, root);
  if (rootFaults.length > 0) yield { path: '/', kind: 'changed', what: rootFaults };
  const frames: Frame[] = [];
  const enter = (path: string, wanted: ModelFile, stat: FileStat | undefined, isChanged: boolean): LayerFault[] => {
    const names = readEntries(chain.descriptor).map(({ name }) => name);
    const there = new Set(names);
    frames.push({ path, wanted, names: names.sort().reverse() });
    const gone = [...(wanted.children?.keys() ?? [])].filter((name) => !there.has(name));
    const hasOthers = gone.length > 0 || names.some((name) => wanted.children?.has(name) !== true);
    const isOld = !isChanged && !hasOthers && stat !== undefined && hasOtherTime(stat, wanted);
    return [
      ...(isOld ? [{ path: path.replace(/(?<=.)\/$/, ''), kind: 'changed' as const, what: ['time'] }] : []),
      ...gone.map((name) => ({ path: path + name, kind: 'missing' as const, what: [] })),
    ];
  };
  yield* enter('/', model.root, own, rootFaults.length > 0);
  for (let frame = frames.at(-1); frame !== undefined; frame = frames.at(-1)) {
    const name = frame.names.pop();
    if (name === undefined) {
      frames.pop();
      if (frames.length > 0) chain.leave();
      continue;
    }
    const path = frame.path + name;
    const wanted = frame.wanted.children?.get(name);
    const stat = statAt(chain.descriptor, name);
    if (wanted === undefined || stat === undefined) {
      yield { path, kind: wanted === undefined ? 'extra' : 'missing', what: [] };
      continue;
    }
    const inode = inodeOf(stat);
    const what = inodes.has(wanted) ? [] : differences(chain.descriptor, name, stat, wanted);
    const isTimed = wanted.type !== 'directory' && wanted.type !== 'whiteout' && !isWhiteoutDevice(wanted);
    if (what.length === 0 && isTimed && !inodes.has(wanted) && hasOtherTime(stat, wanted)) what.push('time');
    if (wanted.type !== 'directory' && (inodes.get(wanted) ?? inode) !== inode) what.push('hard link');
    inodes.set(wanted, inode);
    if (what.length > 0) yield { path, kind: 'changed', what };
    if (wanted.type !== 'directory' || what.includes('type')) continue;
    chain.enter(name);
    yield* enter(`${path}/`, wanted, stat, what.length > 0);
  }
}
