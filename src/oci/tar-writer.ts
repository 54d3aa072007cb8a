import { blockBytes, type TarEntry, type TarEntryType } from './tar-header.ts';

/** The two zero blocks that end a tar. */
export const tarEnd: Uint8Array = Buffer.alloc(2 * blockBytes);

const flags: Readonly<Record<TarEntryType, string>> = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  character: '3',
  block: '4',
  directory: '5',
  fifo: '6',
};
const nameBytes = 100;
/** What the octal fields of a header can hold. */
const largestOwner = 0o7777777;
const largestSize = 0o77777777777;

function padding(sizeBytes: number): Buffer {
  return Buffer.alloc((blockBytes - (sizeBytes % blockBytes)) % blockBytes);
}

/** What fills the last block after contents of this size. */
export function tarPadding(sizeBytes: number): Uint8Array {
  return padding(sizeBytes);
}

/** A record counts its own length, digits of the length included. */
function paxRecord(key: string, value: Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`, 'latin1'), value, Buffer.from('\n')]);
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

/** What a plain header cannot say, as PAX records. */
function extensionOf(entry: TarEntry): Buffer {
  const records: Buffer[] = [];
  const add = (key: string, value: string): void => {
    records.push(paxRecord(key, Buffer.from(value, 'latin1')));
  };
  if (entry.path.length > nameBytes) add('path', entry.path);
  if (entry.linkPath.length > nameBytes) add('linkpath', entry.linkPath);
  if (entry.sizeBytes > largestSize) add('size', String(entry.sizeBytes));
  if (entry.uid > largestOwner) add('uid', String(entry.uid));
  if (entry.gid > largestOwner) add('gid', String(entry.gid));
  if (entry.modifiedNanoseconds !== 0 || entry.modifiedSeconds < 0) {
    const nanoseconds = BigInt(entry.modifiedSeconds) * 1_000_000_000n + BigInt(entry.modifiedNanoseconds);
    const positive = nanoseconds < 0n ? -nanoseconds : nanoseconds;
    const fraction = (positive % 1_000_000_000n).toString().padStart(9, '0');
    add('mtime', `${nanoseconds < 0n ? '-' : ''}${positive / 1_000_000_000n}.${fraction}`);
  }
  for (const [name, value] of entry.xattrs) records.push(paxRecord(`SCHILY.xattr.${name}`, value));
  return Buffer.concat(records);
}

function ustar(entry: TarEntry, flag: string): Buffer {
  const block = Buffer.alloc(blockBytes);
  const number = (value: number, offset: number, length: number): void => {
    block.write(value.toString(8).padStart(length - 1, '0'), offset, 'latin1');
  };
  block.write(entry.path.slice(0, nameBytes), 0, 'latin1');
  number(entry.mode, 100, 8);
  number(Math.min(entry.uid, largestOwner), 108, 8);
  number(Math.min(entry.gid, largestOwner), 116, 8);
  number(entry.sizeBytes > largestSize ? 0 : entry.sizeBytes, 124, 12);
  number(Math.max(entry.modifiedSeconds, 0), 136, 12);
  block.write(flag, 156, 'latin1');
  block.write(entry.linkPath.slice(0, nameBytes), 157, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  number(entry.deviceMajor, 329, 8);
  number(entry.deviceMinor, 337, 8);
  block.fill(0x20, 148, 156);
  let sum = 0;
  for (let index = 0; index < blockBytes; index += 1) sum += block[index] ?? 0;
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

/**
 * The header of an entry: POSIX ustar, with a PAX header in front where that cannot hold it. Names are byte strings. What
 * is left out: a regular file of mode 644 (a directory: 755), of root, from 1970. Contents of `sizeBytes` and their
 * padding come after it.
 */
export function tarHeader(given: Partial<TarEntry> & Pick<TarEntry, 'path'>): Uint8Array {
  const type = given.type ?? 'file';
  const entry: TarEntry = {
    linkPath: '',
    mode: type === 'directory' ? 0o755 : 0o644,
    uid: 0,
    gid: 0,
    sizeBytes: 0,
    modifiedSeconds: 0,
    modifiedNanoseconds: 0,
    deviceMajor: 0,
    deviceMinor: 0,
    xattrs: new Map(),
    ...given,
    type,
  };
  const extension = extensionOf(entry);
  const header = ustar(entry, flags[type]);
  if (extension.length === 0) return header;
  const paxEntry = { ...entry, path: 'PaxHeaders/0', linkPath: '', mode: 0o644, sizeBytes: extension.length };
  return Buffer.concat([ustar(paxEntry, 'x'), extension, padding(extension.length), header]);
}
