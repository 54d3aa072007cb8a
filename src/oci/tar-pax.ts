import { invalidTar } from './tar-header.ts';

/** The records of a PAX extended header (POSIX.1-2001, pax Extended Header), values as byte strings, in their order. */
export type PaxRecords = readonly (readonly [key: string, value: string])[];

/** What PAX and GNU records in front of a header say about the entry that follows. */
export interface Extension {
  readonly records: ReadonlyMap<string, string>;
  readonly xattrs: ReadonlyMap<string, Buffer>;
  /** GNU.sparse.offset and GNU.sparse.numbytes of sparse format 0.0, in which keys repeat. */
  readonly sparseNumbers: readonly string[];
}

const xattrPrefix = 'SCHILY.xattr.';

/** Splits `LENGTH KEY=VALUE\n` records; throws `invalid-argument` when one is malformed. */
export function parsePax(body: Buffer): PaxRecords {
  const records: [string, string][] = [];
  let offset = 0;
  while (offset < body.length && body[offset] !== 0) {
    const space = body.indexOf(0x20, offset);
    const digits = body.toString('latin1', offset, space === -1 ? offset : space);
    const length = /^\d+$/.test(digits) ? Number(digits) : 0;
    const end = offset + length;
    const equals = body.indexOf(0x3d, space);
    if (length < 5 || end > body.length || body[end - 1] !== 0x0a || equals === -1 || equals >= end) {
      throw invalidTar('invalid tar header');
    }
    records.push([body.toString('latin1', space + 1, equals), body.toString('latin1', equals + 1, end - 1)]);
    offset = end;
  }
  return records;
}

/** Gathers records by key; extended attributes apart, for their values are bytes and may hold anything. */
export function gatherExtension(pax: PaxRecords): Extension {
  const records = new Map<string, string>();
  const xattrs = new Map<string, Buffer>();
  const sparseNumbers: string[] = [];
  for (const [key, value] of pax) {
    if (key.startsWith(xattrPrefix)) xattrs.set(key.slice(xattrPrefix.length), Buffer.from(value, 'latin1'));
    else if (key === 'GNU.sparse.offset' || key === 'GNU.sparse.numbytes') sparseNumbers.push(value);
    // An empty value takes the record back.
    else if (value === '') records.delete(key);
    else records.set(key, value);
  }
  return { records, xattrs, sparseNumbers };
}

/** A PAX decimal with an optional fraction, as whole seconds (rounded down) and nanoseconds. */
export function parsePaxTime(value: string): { seconds: number; nanoseconds: number } {
  const match = /^(-?)(\d+)(?:\.(\d*))?$/.exec(value);
  if (match === null) throw invalidTar('invalid tar header');
  const seconds = Number(match[2]);
  // More is no time that a file could have; the kernel takes seconds of 64 bits.
  if (!Number.isSafeInteger(seconds)) throw invalidTar('invalid tar header');
  const nanoseconds = Number((match[3] ?? '').slice(0, 9).padEnd(9, '0'));
  if (match[1] === '') return { seconds, nanoseconds };
  return nanoseconds === 0
    ? { seconds: 0 - seconds, nanoseconds: 0 }
    : { seconds: -seconds - 1, nanoseconds: 1_000_000_000 - nanoseconds };
}

/** A PAX decimal without a fraction, not negative. */
export function parsePaxNumber(value: string): number {
  const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
  if (!Number.isSafeInteger(number)) throw invalidTar('invalid tar header');
  return number;
}
