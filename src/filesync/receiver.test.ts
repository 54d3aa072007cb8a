import { afterEach, expect, test } from 'bun:test';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodePacket, packetTypes } from './packet.ts';
import { feed, folder, removeScratch, scratch, stat } from './transfer.fixture.ts';

afterEach(removeScratch);

const link = 0o120777;

test('whoever means harm gets nowhere', () => {
  const { source, kept, files } = scratch();
  writeFileSync(join(source, 'secret'), 'untouched');
  const bad: readonly [RegExp, Uint8Array[]][] = [
    [/invalid path/, [stat({ path: '../out' })]],
    [/invalid path/, [stat({ path: '/etc/out' })]],
    [/invalid path/, [stat({ path: 'a\0b' })]],
    [/invalid path/, [stat({ path: '' })]],
    [/invalid path/, [stat({ path: '.' })]],
    [/invalid path/, [stat({ path: 'n'.repeat(300) })]],
    [/invalid path/, [stat({ path: 'd', mode: folder }), stat({ path: 'd/../../out' })]],
    [/is no directory/, [stat({ path: 'd', mode: link, linkName: source }), stat({ path: 'd/secret' })]],
    [/is no directory/, [stat({ path: 'd/secret' })]],
    [/out of order/, [stat({ path: 'b', mode: folder }), stat({ path: 'a', mode: folder })]],
    [/out of order/, [stat({ path: 'b', mode: folder }), stat({ path: 'b', mode: link, linkName: source })]],
    [/invalid link/, [stat({ path: 'b', linkName: '../source/secret' })]],
    [/invalid link/, [stat({ path: 'a', mode: link, linkName: source }), stat({ path: 'b', linkName: 'a' })]],
    [/no known type/, [stat({ path: 'b', mode: 0o140644 })]],
    [/file transfer: fchownat/, [stat({ path: 'b', mode: folder, uid: 0xffffffff })]],
    [
      /invalid file request 7/,
      [stat({ path: 'b' }), encodePacket({ type: packetTypes.data, id: 7, data: Buffer.of(1) })],
    ],
    [/after the last/, [stat({ path: 'b' }), encodePacket({ type: packetTypes.stat }), stat({ path: 'c' })]],
    [/packet of type 3/, [encodePacket({ type: packetTypes.end })]],
    [/packet of type 9/, [encodePacket({ type: 9 })]],
    [/too many files/, [stat({ path: 'b', xattrs: new Map([['user.x', Buffer.alloc(2_000_000)]]) })]],
    [
      /error from sender: no such thing/,
      [encodePacket({ type: packetTypes.error, data: Buffer.from('no such thing') })],
    ],
    [/cut off/, [Buffer.of(0x12, 0x50, 1)]],
    [/cut off/, [Buffer.of(0x12, 2, 0x0a, 0x50)]],
    [/too long/, [Buffer.alloc(20, 0xff)]],
  ];
  for (const [message, packets] of bad) expect(() => feed(kept, packets)).toThrow(message);
  expect(readFileSync(join(source, 'secret'), 'utf8')).toBe('untouched');
  expect(existsSync(join(kept, '../out'))).toBe(false);
  // A name that was a link the last time is not gone through.
  feed(kept, [stat({ path: 'd', mode: link, linkName: source }), encodePacket({ type: packetTypes.stat })]);
  const data = encodePacket({ type: packetTypes.data, id: 1, data: Buffer.from('mine') });
  const asked = feed(kept, [stat({ path: 'd', mode: folder }), stat({ path: 'd/secret' }), data]);
  expect(asked).toEqual([1]);
  expect(readFileSync(join(files, 'd/secret'), 'utf8')).toBe('mine');
  expect(readFileSync(join(source, 'secret'), 'utf8')).toBe('untouched');
});
