import { closeSync, readSync } from 'node:fs';
import { fileTypes, openAt, readFlags } from '#linux/file-tree';
import { removeTreeAt } from '#linux/remove-tree';
import { findRecord, type IndexRecord } from './directory-index.ts';
import { encodeStat } from './packet.ts';
import { transferStatOf, type WalkedFile, walkTree } from './walk.ts';

const memory = Buffer.allocUnsafe(1024 * 1024);

/** SHA-256 of a file on a walk. */
export function digestOfFile({ parent, name }: WalkedFile): Uint8Array {
  const descriptor = openAt(parent, name, readFlags);
  try {
    const hash = new Bun.CryptoHasher('sha256');
    for (;;) {
      const count = readSync(descriptor, memory, 0, memory.length, null);
      if (count === 0) return hash.digest();
      hash.update(memory.subarray(0, count));
    }
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Finds out what is in a directory whose index cannot be trusted, by reading all of it. With `expected`, the records of an index
 * that is whole, what is otherwise than it says is removed: a power cut leaves files whose contents never reached the disk.
 */
export function examineDirectory(directory: string, expected?: readonly IndexRecord[]): IndexRecord[] {
  const records: IndexRecord[] = [];
  const removed = new Set<string>();
  for (const file of walkTree(directory, ({ path }) => !removed.has(path))) {
    const isFile = (file.file.mode & fileTypes.mask) === fileTypes.file;
    const digest = isFile ? digestOfFile(file) : undefined;
    if (expected !== undefined && !isExpected(file.path, digest, expected)) {
      removeTreeAt(file.parent, file.name);
      removed.add(file.path);
      continue;
    }
    records.push({
      stat: encodeStat(transferStatOf(file)),
      ...(digest !== undefined && { digest }),
      isHardLink: false,
    });
  }
  return records;
}

function isExpected(path: string, digest: Uint8Array | undefined, expected: readonly IndexRecord[]): boolean {
  const { record } = findRecord(expected, path);
  if (record === undefined) return false;
  // Another name of a file: it will be compared with what the client says.
  if (record.isHardLink) return false;
  return (
    (record.digest === undefined) === (digest === undefined) &&
    (digest === undefined || Buffer.compare(digest, record.digest ?? digest) === 0)
  );
}
