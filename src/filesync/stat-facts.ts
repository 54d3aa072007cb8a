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

/** What of it is set on a file. */
export function attributesOf({ mode, uid, gid, xattrs, modifiedNs }: TransferStat) {
  const seconds = modifiedNs >= 0n ? modifiedNs / 1_000_000_000n : -((999_999_999n - modifiedNs) / 1_000_000_000n);
  const kept = xattrs.size === 0 ? xattrs : new Map([...xattrs].filter(([name]) => !name.startsWith(reservedXattrs)));
  return {
    ...{ mode: mode & 0o7777, uid, gid, xattrs: kept },
    modifiedSeconds: Number(seconds),
    modifiedNanoseconds: Number(modifiedNs - seconds * 1_000_000_000n),
  };
}
