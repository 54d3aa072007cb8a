import { blockBytes, invalidTar, numberAt, type SparseExtent } from './tar-header.ts';
import type { Extension } from './tar-pax.ts';
import { parsePaxNumber } from './tar-pax.ts';

/** Far more than any real file has; a map is held in memory. */
const extentsLimit = 1_000_000;

/** Checks that extents are in order, do not overlap, lie within the file and hold what the archive stores. */
export function checkExtents(extents: readonly SparseExtent[], fileBytes: number, storedBytes: number): void {
  let end = 0;
  let total = 0;
  for (const { offset, length } of extents) {
    if (offset < end || length < 0 || offset + length > fileBytes) throw invalidTar('invalid tar header');
    end = offset + length;
    total += length;
  }
  if (total !== storedBytes) throw invalidTar('invalid tar header');
}

function pairs(numbers: readonly number[]): SparseExtent[] {
  if (numbers.length % 2 !== 0 || numbers.length > 2 * extentsLimit) throw invalidTar('invalid tar header');
  return Array.from({ length: numbers.length / 2 }, (_, index) => ({
    offset: numbers[2 * index] ?? 0,
    length: numbers[2 * index + 1] ?? 0,
  }));
}

function extentsAt(block: Buffer, offset: number, count: number): SparseExtent[] {
  const extents: SparseExtent[] = [];
  for (let index = 0; index < count; index += 1) {
    const at = offset + 24 * index;
    if (block[at] === 0) break;
    extents.push({ offset: numberAt(block, at, 12), length: numberAt(block, at + 12, 12) });
  }
  return extents;
}

/** Old GNU format (flag `S`): the map is in the header, and goes on in blocks after it while they say so. */
export function* readOldGnuMap(header: Buffer): Generator<number, SparseExtent[], Buffer> {
  const extents = extentsAt(header, 386, 4);
  let more = header[482] !== 0;
  while (more) {
    const block: Buffer = yield blockBytes;
    extents.push(...extentsAt(block, 0, 21));
    if (extents.length > extentsLimit) throw invalidTar('invalid tar header');
    more = block[504] !== 0;
  }
  return extents;
}

/** PAX sparse formats 0.0 and 0.1: the map is in the records. Undefined when there is none. */
export function paxMap({ records, sparseNumbers }: Extension): SparseExtent[] | undefined {
  if (sparseNumbers.length > 0) return pairs(sparseNumbers.map(parsePaxNumber));
  const map = records.get('GNU.sparse.map');
  if (map === undefined) return records.has('GNU.sparse.numblocks') ? [] : undefined;
  return pairs(map.split(',').map(parsePaxNumber));
}

/** PAX sparse format 1.0: the map is decimal lines in front of the contents, padded to whole blocks. */
export function* readPaxMap(): Generator<number, { extents: SparseExtent[]; mapBytes: number }, Buffer> {
  let text = '';
  let mapBytes = 0;
  for (;;) {
    const lines = text.split('\n');
    const count = lines.length > 1 ? parsePaxNumber(lines[0] ?? '') : undefined;
    if (count !== undefined && count > extentsLimit) throw invalidTar('invalid tar header');
    if (count !== undefined && lines.length > 1 + 2 * count) {
      return { extents: pairs(lines.slice(1, 1 + 2 * count).map(parsePaxNumber)), mapBytes };
    }
    const block: Buffer = yield blockBytes;
    text += block.toString('latin1');
    mapBytes += blockBytes;
  }
}
