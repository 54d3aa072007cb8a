import { afterEach, expect, test } from 'bun:test';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeIndex } from './directory-index.ts';
import { keptNames, presentBoot } from './kept-directory.ts';
import { isBriefDirectory, readOpening, replay } from './opening.ts';
import { encodePacket, packetTypes } from './packet.ts';
import { removeScratch, scratch, stat } from './transfer.fixture.ts';

afterEach(removeScratch);

test('a kept directory is brief to look at while it is small, finished and of this boot', () => {
  const { kept, files } = scratch();
  const index = join(kept, keptNames.index);
  expect(isBriefDirectory(kept)).toBe(true);
  mkdirSync(files);
  expect(isBriefDirectory(kept)).toBe(false);
  writeIndex(index, { bootId: presentBoot(), records: [] });
  expect(isBriefDirectory(kept)).toBe(true);
  writeFileSync(join(kept, keptNames.mark), presentBoot());
  expect(isBriefDirectory(kept)).toBe(false);
  rmSync(join(kept, keptNames.mark));
  writeIndex(index, { bootId: 'another', records: [] });
  expect(isBriefDirectory(kept)).toBe(false);
  writeFileSync(index, Buffer.alloc(100_000));
  expect(isBriefDirectory(kept)).toBe(false);
});

test('few small files are a brief transfer; many, large ones and one that breaks off are not, and nothing of them is lost', async () => {
  async function* source(packets: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
    yield* packets;
  }
  const end = encodePacket({ type: packetTypes.stat });
  const files = (count: number) => Array.from({ length: count }, (_, number) => stat({ path: `${1000 + number}` }));
  const cases: readonly [boolean, Uint8Array[]][] = [
    [true, [end]],
    [true, [...files(200), end]],
    [false, [...files(400), end]],
    [false, [stat({ path: 'large', sizeBytes: 5_000_000 }), end]],
    [false, files(3)],
    [false, [encodePacket({ type: packetTypes.error, data: Buffer.from('no') })]],
    [false, []],
  ];
  for (const [isBrief, packets] of cases) {
    const opening = await readOpening(source([...packets, ...(packets.includes(end) ? [Buffer.from('more')] : [])]));
    expect(opening.isBrief).toBe(isBrief);
    const again = await Array.fromAsync(replay(opening));
    expect(again.slice(0, packets.length)).toEqual(packets);
    expect(again.length - packets.length).toBe(packets.includes(end) ? 1 : 0);
  }
});
