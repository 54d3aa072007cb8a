import { randomBytes } from 'node:crypto';
import { formatTime } from '#std/time';
import type { LocalRecord } from '../../local-log.ts';
import type { JournalTarget } from '../../protocol.ts';
import { longestLineBytes } from '../records.ts';
import type { Encode } from './forwarder.ts';

const newline = 0x0a;
/** A record this long without a newline is a part of a line; a character at its end may have been kept whole. */
const partBytes = longestLineBytes - 3;

/** One field of the journal's native protocol: a value with line breaks goes behind its length, so that it can name no field. */
export function journalField(name: string, value: Uint8Array | string): Buffer {
  const bytes = Buffer.from(value);
  if (!bytes.includes(newline)) return Buffer.concat([Buffer.from(`${name}=`), bytes, Buffer.from('\n')]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(bytes.length));
  return Buffer.concat([Buffer.from(`${name}\n`), length, bytes, Buffer.from('\n')]);
}

/** The parts of a long line that are on their way, of one stream. */
interface Parts {
  readonly id: string;
  count: number;
}

/** Makes what words records as journal entries, with the fields that Docker gives them. */
export function journalEntries({ fields }: JournalTarget): Encode {
  const common = Buffer.concat(Object.entries(fields).map(([name, value]) => journalField(name, value)));
  const open: { stdout: Parts | undefined; stderr: Parts | undefined } = { stdout: undefined, stderr: undefined };
  return ({ isError, timeNs, textStart, textEnd }: LocalRecord, bytes: Buffer) => {
    const stream = isError ? 'stderr' : 'stdout';
    const isWhole = textEnd > textStart && bytes[textEnd - 1] === newline;
    const isPart = !isWhole && textEnd - textStart >= partBytes;
    const entry = [
      journalField('PRIORITY', isError ? '3' : '6'),
      journalField('MESSAGE', bytes.subarray(textStart, isWhole ? textEnd - 1 : textEnd)),
      journalField('SYSLOG_TIMESTAMP', formatTime(timeNs)),
      common,
    ];
    if (isPart) open[stream] ??= { id: randomBytes(32).toString('hex'), count: 0 };
    const parts = open[stream];
    if (parts !== undefined) {
      parts.count++;
      entry.push(
        journalField('CONTAINER_PARTIAL_ID', parts.id),
        journalField('CONTAINER_PARTIAL_ORDINAL', String(parts.count)),
        journalField('CONTAINER_PARTIAL_LAST', String(!isPart)),
      );
      if (isPart) entry.push(journalField('CONTAINER_PARTIAL_MESSAGE', 'true'));
      else open[stream] = undefined;
    }
    return Buffer.concat(entry);
  };
}
