import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { readIndex } from './directory-index.ts';
import { keptNames, presentBoot } from './kept-directory.ts';
import { decodePacket, decodeStat, packetTypes } from './packet.ts';

/** What is no more than this takes less than to give it to another process. */
const briefFiles = 300;
const briefBytes = 2 * 1024 * 1024;
const briefIndexBytes = 64 * 1024;

/** The first packets of a transfer, and what comes behind them. */
export interface Opening {
  readonly packets: readonly Uint8Array[];
  readonly rest: AsyncIterator<Uint8Array>;
  /** They tell of all files there are, which are few and small. */
  readonly isBrief: boolean;
}

/** Reads packets up to the last one that tells of a file, or until that is not brief any more. */
export async function readOpening(source: AsyncIterable<Uint8Array>): Promise<Opening> {
  const rest = source[Symbol.asyncIterator]();
  const packets: Uint8Array[] = [];
  for (let bytes = 0; packets.length <= briefFiles && bytes <= briefBytes; ) {
    const next = await rest.next();
    if (next.done) break;
    packets.push(next.value);
    const { type, stat } = decodePacket(next.value);
    if (type !== packetTypes.stat) break;
    if (stat === undefined) return { packets, rest, isBrief: true };
    bytes += stat.length + decodeStat(stat).sizeBytes;
  }
  return { packets, rest, isBrief: false };
}

/** All packets again. */
export async function* replay({ packets, rest }: Opening): AsyncGenerator<Uint8Array> {
  try {
    yield* packets;
    for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}

/** Whether to look at what is in a kept directory takes no time: it is known, and it is little. */
export function isBriefDirectory(directory: string): boolean {
  if (existsSync(join(directory, keptNames.mark))) return false;
  const file = join(directory, keptNames.index);
  const index = statSync(file, { throwIfNoEntry: false });
  if (index === undefined) return !existsSync(join(directory, keptNames.files));
  // What another boot left is read as a whole.
  return index.size <= briefIndexBytes && readIndex(file)?.bootId === presentBoot();
}
