import { localFrameBytes, localHeadBytes, localRecordAt } from '../local-log.ts';
import type { RecordFormat } from './records.ts';

const stampBytes = 9;

/** The records of the `local` driver (../local-log.ts). A stamp is stream and time. */
export const localFormat: RecordFormat = {
  stamp(stream, timeNs) {
    const stamp = Buffer.allocUnsafe(stampBytes);
    stamp[0] = stream === 'stdout' ? 1 : 2;
    stamp.writeBigUInt64BE(timeNs, 1);
    return stamp;
  },
  stampOf(stream, records) {
    const length = records.readUInt32BE(records.length - 4);
    return localFormat.stamp(stream, records.readBigUInt64BE(records.length - length - 3));
  },
  wholeRecords(records, limit) {
    if (records.length <= limit) return records.length;
    const bytes = Buffer.from(records.buffer, records.byteOffset, records.length);
    let end = 0;
    for (let record = localRecordAt(bytes, 0); record !== undefined && record.end <= limit; ) {
      end = record.end;
      record = localRecordAt(bytes, end);
    }
    return end;
  },
  largestBytes: (textBytes) => textBytes + localFrameBytes,
  write(source, start, end, stamp, target, at) {
    const length = stampBytes + end - start;
    writeLength(target, at, length);
    target.set(stamp, at + 4);
    target.set(source.subarray(start, end), at + localHeadBytes);
    const textEnd = at + localHeadBytes + end - start;
    writeLength(target, textEnd, length);
    return textEnd + 4;
  },
};

function writeLength(target: Uint8Array, at: number, length: number): void {
  target[at] = length >>> 24;
  target[at + 1] = (length >>> 16) & 0xff;
  target[at + 2] = (length >>> 8) & 0xff;
  target[at + 3] = length & 0xff;
}
