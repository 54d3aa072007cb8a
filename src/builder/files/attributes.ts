import { chmodSync, closeSync, fchmodSync } from 'node:fs';
import { SystemCallError } from '#linux/errno';
import { type FileStat, fileTypes, setOwnerAt, setTimeAt, setTimeOf, statAt, tryOpenPlace } from '#linux/file-tree';

/** What a file is given once it is there. */
export interface Attributes {
  readonly uid: number;
  readonly gid: number;
  /** Permission bits. */
  readonly mode: number;
  readonly time?: Time;
}

export interface Time {
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** The time of change of a file. */
export function timeOf({ modifiedSeconds, modifiedNanoseconds }: FileStat): Time {
  return { seconds: modifiedSeconds, nanoseconds: modifiedNanoseconds };
}

/** All of them, as a file has them. */
export function attributesOf(stat: FileStat): Required<Attributes> {
  return { uid: stat.uid, gid: stat.gid, mode: stat.mode & 0o7777, time: timeOf(stat) };
}

/** A time in nanoseconds since 1970, as text. */
export function parseTime(text: string | undefined): Time | undefined {
  if (text === undefined) return undefined;
  const all = BigInt(text);
  const nanoseconds = ((all % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  return { seconds: Number((all - nanoseconds) / 1_000_000_000n), nanoseconds: Number(nanoseconds) };
}

/**
 * Of an open file or directory, in the order in which nothing undoes what was set before; `between` sets what a change of owner
 * takes away, extended attributes.
 */
export function setOpenAttributes(
  descriptor: number,
  { uid, gid, mode, time }: Attributes,
  between: () => void = () => undefined,
): void {
  const stat = statAt(descriptor);
  const isOwned = stat?.uid === uid && stat.gid === gid;
  if (!isOwned) setOwnerAt(descriptor, '', uid, gid);
  between();
  // Each change is one more for the file system to write down.
  if (!isOwned || (stat.mode & 0o7777) !== mode) fchmodSync(descriptor, mode);
  if (time !== undefined) setTimeOf(descriptor, time.seconds, time.nanoseconds);
}

/** The same for what cannot be opened: links, devices, FIFOs, sockets. Links have no mode. */
export function setNodeAttributes(directory: number, name: string, { uid, gid, mode, time }: Attributes): void {
  const place = tryOpenPlace(directory, name);
  if (place < 0) throw new SystemCallError('lchown', -place, name);
  try {
    setOwnerAt(place, '', uid, gid);
    const type = (statAt(place)?.mode ?? 0) & fileTypes.mask;
    if (type !== fileTypes.symlink) chmodSync(`/proc/self/fd/${place}`, mode);
  } finally {
    closeSync(place);
  }
  if (time !== undefined) setTimeAt(directory, name, time.seconds, time.nanoseconds);
}
