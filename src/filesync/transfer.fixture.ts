import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { IndexedFiles } from './directory-index.ts';
import { KeptTransfer, keptNames } from './kept-directory.ts';
import { encodePacket, encodeStat, packetTypes, type TransferStat } from './packet.ts';

const roots: string[] = [];

/** Removes what `scratch` made. */
export function removeScratch(): void {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true, force: true });
}

/** A directory to send, and one that is kept for it. */
export function scratch(): { source: string; kept: string; files: string; index: () => IndexedFiles } {
  const root = mkdtempSync(join(tmpdir(), 'estiba-filesync-'));
  roots.push(root);
  const [source, kept] = [join(root, 'source'), join(root, 'kept')];
  mkdirSync(source);
  mkdirSync(kept);
  return {
    source,
    kept,
    files: join(kept, keptNames.files),
    index: () => new IndexedFiles(join(kept, keptNames.index), ''),
  };
}

/** Gives stats and what else there is to a receiver; answers what it asks for. */
export function feed(kept: string, packets: readonly Uint8Array[]): number[] {
  const asked: number[] = [];
  const receiver = new KeptTransfer(kept, { differ: 'metadata', send: (packet) => asked.push(packet.at(-1) ?? 0) });
  try {
    for (const packet of packets) receiver.accept(packet);
    return asked;
  } finally {
    receiver.close();
  }
}

const plain: TransferStat = {
  ...{ path: 'x', mode: 0o100644, uid: 0, gid: 0, sizeBytes: 1, modifiedNs: 5n, linkName: '' },
  ...{ deviceMajor: 0, deviceMinor: 0, xattrs: new Map() },
};

/** A packet of a file with those facts; else it is a file of one byte. */
export function stat(changes: Partial<TransferStat>): Uint8Array {
  return encodePacket({ type: packetTypes.stat, stat: encodeStat({ ...plain, ...changes }) });
}

export const folder = 0o040755;
