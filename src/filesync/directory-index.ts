import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { fileTypes } from '#linux/file-tree';
import { fail } from '#std/errors';
import { comparePaths } from './order.ts';
import { decodeStat, pathOfStat } from './packet.ts';

/** The file begins with it; another form of it gets another one. */
const magic = 'estiba files 2\n';
const digestBytes = 32;
const flags = { hasDigest: 1, isHardLink: 2, isDoubtful: 4 } as const;

/** What is known of one file: what the other side said of it, and what its contents turned out to be. */
export interface IndexRecord {
  /** Encoded `TransferStat`. */
  readonly stat: Uint8Array;
  /** SHA-256 of the contents; of regular files alone. */
  digest?: Uint8Array;
  readonly isHardLink: boolean;
  /** Its contents were not of the length that was promised: it is asked for again. */
  isDoubtful?: boolean;
}

/** What stands in a directory, in the order of a walk. */
export interface DirectoryIndex {
  /** The boot in which it was written: what another one left may not have reached the disk. */
  readonly bootId: string;
  /** `sha256:…` over all that the files are, but for their times. */
  readonly treeDigest: string;
  readonly records: readonly IndexRecord[];
}

/** One file of an indexed directory; `IndexedFile`s of hard links have size and digest of what they are links of. */
export interface IndexedFile {
  /** Relative; a byte string (`latin1`), as all names here: names of files are bytes. */
  readonly path: string;
  /** As stat(2) has it: type and permissions. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  readonly modifiedNs: bigint;
  /** Target of a symlink. */
  readonly linkTarget: string;
  /** As in `st_rdev`. */
  readonly device: number;
  readonly xattrs: ReadonlyMap<string, Uint8Array>;
  /** SHA-256 of its contents, `sha256:…`; of regular files alone. */
  readonly contentDigest?: string;
}

function checksum(bytes: Uint8Array): Buffer {
  return Buffer.from(new Bun.CryptoHasher('sha256').update(bytes).digest());
}

function digestOfTree(records: readonly IndexRecord[]): string {
  const hash = new Bun.CryptoHasher('sha256');
  for (const record of records) {
    const { path, mode, uid, gid, linkTarget, device, xattrs, contentDigest = '' } = describeRecord(record, records);
    const facts = [path, mode, uid, gid, linkTarget, device, contentDigest];
    for (const name of [...xattrs.keys()].sort()) {
      facts.push(name, Buffer.from(xattrs.get(name) ?? []).toString('latin1'));
    }
    hash.update(JSON.stringify(facts));
  }
  return `sha256:${hash.digest('hex')}`;
}

/** Writes an index in one step: whoever reads it finds this one or the one before. Gives the digest of the tree. */
export function writeIndex(file: string, index: Omit<DirectoryIndex, 'treeDigest'>): string {
  const treeDigest = digestOfTree(index.records);
  const size = index.records.reduce((sum, { stat }) => sum + 5 + digestBytes + stat.length, 0);
  const head = Buffer.from(`${magic}${index.bootId} ${treeDigest}\n`);
  const bytes = Buffer.allocUnsafe(head.length + size + digestBytes);
  let at = head.copy(bytes);
  for (const { stat, digest, isHardLink, isDoubtful } of index.records) {
    const flag =
      (digest === undefined ? 0 : flags.hasDigest) |
      (isHardLink ? flags.isHardLink : 0) |
      (isDoubtful ? flags.isDoubtful : 0);
    at = bytes.writeUInt32LE(stat.length, at);
    at = bytes.writeUInt8(flag, at);
    if (digest !== undefined) {
      bytes.set(digest, at);
      at += digestBytes;
    }
    bytes.set(stat, at);
    at += stat.length;
  }
  at += checksum(bytes.subarray(0, at)).copy(bytes, at);
  writeFileSync(`${file}.new`, bytes.subarray(0, at), { mode: 0o600 });
  renameSync(`${file}.new`, file);
  return treeDigest;
}

/** Reads an index; undefined when there is none, or when it is damaged. */
export function readIndex(file: string): DirectoryIndex | undefined {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch {
    return undefined;
  }
  const end = bytes.length - digestBytes;
  const line = bytes.indexOf(0x0a, magic.length);
  if (end < magic.length || line === -1 || line >= end || bytes.toString('latin1', 0, magic.length) !== magic)
    return undefined;
  if (!checksum(bytes.subarray(0, end)).equals(bytes.subarray(end))) return undefined;
  const records: IndexRecord[] = [];
  for (let at = line + 1; at < end; ) {
    const length = bytes.readUInt32LE(at);
    const flag = bytes[at + 4] ?? 0;
    at += 5;
    const hasDigest = (flag & flags.hasDigest) !== 0;
    const digest = hasDigest ? bytes.subarray(at, at + digestBytes) : undefined;
    if (hasDigest) at += digestBytes;
    records.push({
      stat: bytes.subarray(at, at + length),
      ...(digest !== undefined && { digest }),
      isHardLink: (flag & flags.isHardLink) !== 0,
      ...((flag & flags.isDoubtful) !== 0 && { isDoubtful: true }),
    });
    at += length;
  }
  const [bootId = '', treeDigest = ''] = bytes.toString('latin1', magic.length, line).split(' ');
  return { bootId, treeDigest, records };
}

/** Where `path` is, or would be, among records. */
export function findRecord(records: readonly IndexRecord[], path: string): { at: number; record?: IndexRecord } {
  let [low, high] = [0, records.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const record = records[middle];
    if (record === undefined) break;
    const order = comparePaths(pathOfStat(record.stat), path);
    if (order === 0) return { at: middle, record };
    if (order < 0) low = middle + 1;
    else high = middle;
  }
  return { at: low };
}

function deviceOf(major: number, minor: number): number {
  return ((minor & 0xff) | ((major & 0xfff) << 8)) + (minor >>> 8) * 2 ** 20 + Math.floor(major / 0x1000) * 2 ** 44;
}

/** A record in words. */
function describeRecord(record: IndexRecord, records: readonly IndexRecord[]): IndexedFile {
  const stat = decodeStat(record.stat);
  const linked = record.isHardLink ? findRecord(records, stat.linkName).record : undefined;
  const content = linked ?? record;
  const isSymlink = (stat.mode & fileTypes.mask) === fileTypes.symlink;
  return {
    path: stat.path,
    mode: stat.mode,
    uid: stat.uid,
    gid: stat.gid,
    sizeBytes: linked === undefined ? stat.sizeBytes : decodeStat(linked.stat).sizeBytes,
    modifiedNs: stat.modifiedNs,
    linkTarget: isSymlink ? stat.linkName : '',
    device: deviceOf(stat.deviceMajor, stat.deviceMinor),
    xattrs: stat.xattrs,
    ...(content.digest !== undefined && { contentDigest: `sha256:${Buffer.from(content.digest).toString('hex')}` }),
  };
}

/** The files of a directory whose index is in `file`, read when they are first asked for. Throws when there is none. */
export class IndexedFiles {
  #records: readonly IndexRecord[] | undefined;

  /** `digest` is what the index says itself of the whole tree. */
  constructor(
    readonly file: string,
    readonly digest: string,
  ) {}

  *entries(): IterableIterator<IndexedFile> {
    const records = this.#all();
    for (const record of records) yield describeRecord(record, records);
  }

  get(path: string): IndexedFile | undefined {
    const records = this.#all();
    const { record } = findRecord(records, path);
    return record === undefined ? undefined : describeRecord(record, records);
  }

  #all(): readonly IndexRecord[] {
    this.#records ??= readIndex(this.file)?.records;
    if (this.#records === undefined) throw fail('internal', `${this.file} is missing or damaged`);
    return this.#records;
  }
}
