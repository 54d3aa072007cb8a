import { fileTypes } from '#linux/file-tree';
import type { TransferStat } from './packet.ts';

/** Overlayfs reads these from layers, of which the files may become a part. */
const reservedXattrs = 'trusted.overlay.';

/** Same file, as far as its metadata tell. Of directories the size means nothing. */
export function isSame(one: TransferStat, other: TransferStat): boolean {
  return (
    one.mode === other.mode &&
    one.uid === other.uid &&
    one.gid === other.gid &&
    one.modifiedNs === other.modifiedNs &&
    one.linkName === other.linkName &&
    one.deviceMajor === other.deviceMajor &&
    one.deviceMinor === other.deviceMinor &&
    (one.sizeBytes === other.sizeBytes || isDirectory(one)) &&
    one.xattrs.size === other.xattrs.size &&
    [...one.xattrs].every(([name, value]) => other.xattrs.get(name)?.equals(value) === true)
  );
}

/** Its type, one of `fileTypes`. */
export function typeOf({ mode }: TransferStat): number {
  return mode & fileTypes.mask;
}

/** Whether it is of a directory. */
export function isDirectory(stat: TransferStat): boolean {
  return typeOf(stat) === fileTypes.directory;
}

/** Who files are given to. */
export interface FileOwner {
  readonly uid: number;
  readonly gid: number;
}

function keptXattrs(xattrs: ReadonlyMap<string, Buffer>, owner: FileOwner | undefined): ReadonlyMap<string, Buffer> {
  if (xattrs.size === 0) return xattrs;
  const isKept = ([name]: [string, Buffer]): boolean =>
    owner === undefined ? !name.startsWith(reservedXattrs) : name.startsWith('user.');
  return new Map([...xattrs].filter(isKept));
}

/** What of it is set on a file; with an owner it is his, and others' attributes are not kept. */
export function attributesOf(stat: TransferStat, owner?: FileOwner) {
  const { mode, modifiedNs } = stat;
  const { uid, gid } = owner ?? stat;
  const seconds = modifiedNs >= 0n ? modifiedNs / 1_000_000_000n : -((999_999_999n - modifiedNs) / 1_000_000_000n);
  return {
    ...{ mode: mode & 0o7777, uid, gid, xattrs: keptXattrs(stat.xattrs, owner) },
    modifiedSeconds: Number(seconds),
    modifiedNanoseconds: Number(modifiedNs - seconds * 1_000_000_000n),
  };
}
