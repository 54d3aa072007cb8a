import { describe, expect, test } from 'bun:test';
import { EstibaError } from '#std/errors';
import {
  bigint64,
  bool,
  bytes,
  double,
  embedded,
  int32,
  int64,
  map,
  numberMap,
  optional,
  repeated,
  string,
  uint32,
  uint64,
} from './fields.ts';
import { message } from './message.ts';
import { randomBytes, seeded } from './testing/random.ts';

const inner = message({ name: string(1), size: int64(2) });
const everything = message({
  text: string(1),
  flag: bool(2),
  blob: bytes(3),
  small: int32(4),
  positive: uint32(5),
  large: int64(6),
  huge: uint64(7),
  exact: bigint64(8),
  ratio: double(9),
  within: embedded(10, inner),
  texts: repeated(string(11)),
  numbers: repeated(int32(12)),
  list: repeated(embedded(13, inner)),
  byName: map(14, string),
  byNumber: numberMap(15, (n) => embedded(n, inner)),
  chosen: optional(uint32(16)),
});

const full = {
  text: 'grüße',
  flag: true,
  blob: Buffer.from([0, 255]),
  small: -5,
  positive: 4_000_000_000,
  large: -(2 ** 53 - 1),
  huge: 2 ** 53 - 1,
  exact: -1_764_418_942_123_456_789n,
  ratio: 0.25,
  within: { name: 'x', size: 2 ** 40 },
  texts: ['', 'a'],
  numbers: [0, -1, 300],
  list: [
    { name: '', size: 0 },
    { name: 'y', size: 1 },
  ],
  byName: new Map([
    ['a', ''],
    ['b', '2'],
  ]),
  byNumber: new Map([
    [-1, { name: 'z', size: 0 }],
    [7, { name: '', size: 3 }],
  ]),
  chosen: 0,
};

/** Bytes in hexadecimal, for spaces that help to read. */
const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

function faultOf(read: () => unknown): string {
  try {
    read();
    return '';
  } catch (error) {
    return error instanceof EstibaError && error.kind === 'invalid-argument' ? error.message : `thrown: ${error}`;
  }
}

describe('messages', () => {
  test('all kinds of fields come back as they were', () => {
    expect(everything.decode(everything.encode(full))).toEqual(full);
  });

  test('what is not said takes no bytes and is read as nothing', () => {
    expect(everything.encode({ text: '', flag: false, small: 0, texts: [], byName: new Map() })).toHaveLength(0);
    const read = everything.decode(Buffer.alloc(0));
    expect([read.text, read.exact, read.within, read.chosen, read.texts.length]).toEqual([
      '',
      0n,
      undefined,
      undefined,
      0,
    ]);
  });

  test('bytes are those of the specification', () => {
    const sample = message({
      a: int32(1),
      b: string(2),
      c: embedded(3, message({ a: int32(1) })),
      d: repeated(int32(4)),
    });
    const written = sample.encode({ a: 150, b: 'testing', c: { a: 150 }, d: [3, 270, 86942] });
    expect(Buffer.from(written)).toEqual(hex('089601 120774657374696e67 1a03089601 2206038e029ea705'));
    expect(Buffer.from(message({ a: int32(1) }).encode({ a: -2 }))).toEqual(hex('08feffffffffffffffff01'));
  });

  test('numbers in a list are read one by one as well', () => {
    expect(message({ d: repeated(int32(4)) }).decode(hex('2003 208e02 2202 0102')).d).toEqual([3, 270, 1, 2]);
  });

  test('a message that comes in pieces is put together, the last of a scalar counts', () => {
    const sample = message({ text: string(1), within: embedded(2, inner) });
    const pieces = [
      { text: 'a', within: { name: 'x' } },
      { text: 'b', within: { size: 5 } },
    ].map((piece) => sample.encode(piece));
    expect(sample.decode(Buffer.concat(pieces))).toEqual({ text: 'b', within: { name: 'x', size: 5 } });
  });

  test('fields that are not known are passed over', () => {
    const narrow = message({ text: string(1) });
    expect(narrow.decode(everything.encode(full))).toEqual({ text: 'grüße' });
  });

  test('entries of a map are written in the order of their keys, as bytes', () => {
    const sample = message({ m: map(1, string) });
    const one = sample.encode({
      m: new Map([
        ['b', '1'],
        ['a', '2'],
        ['\u{1f600}', '3'],
        ['\uffff', '4'],
      ]),
    });
    expect([...sample.decode(one).m.keys()]).toEqual(['a', 'b', '\uffff', '\u{1f600}']);
  });

  test('an entry without key or value has their zeroes', () => {
    expect([...message({ m: map(1, string) }).decode(hex('0a00')).m]).toEqual([['', '']]);
    const nested = message({ m: map(1, (n) => embedded(n, inner)) });
    expect([...nested.decode(hex('0a03 0a0161')).m]).toEqual([['a', { name: '', size: 0 }]]);
  });

  test('names of objects are names like others', () => {
    const read = message({ m: map(1, string) }).decode(hex('0a0d 0a095f5f70726f746f5f5f 1200'));
    expect([...read.m]).toEqual([['__proto__', '']]);
  });

  test('what is malformed is refused', () => {
    const refused: [string, string][] = [
      ['a field number of 0', '00'],
      ['a length beyond the end', '0a05 6161'],
      ['a length beyond the message around it', '5205 0a05 616161'],
      ['a tag that ends', '80'],
      ['a number that never ends', '20 ffffffffffffffffffffff'],
      ['another wire type', '0801'],
      ['a group', '9b01 9c01'],
      ['a packed list that ends within a number', '6201 80'],
    ];
    for (const [what, bytesOf] of refused) {
      expect(`${what}: ${faultOf(() => everything.decode(hex(bytesOf)))}`).toStartWith(`${what}: malformed message`);
    }
  });

  test('a few bytes do not become a great many objects', () => {
    const many = Buffer.alloc(600_000, hex('6a00'));
    expect(faultOf(() => everything.decode(many))).toContain('more than 250000 elements');
  });

  test('random bytes are a message or refused', () => {
    const random = seeded(20_261_129);
    const valid = Buffer.from(everything.encode(full));
    for (let round = 0; round < 5000; round += 1) {
      const bytesOf = round % 2 === 0 ? randomBytes(random, Math.floor(random() * 64)) : Buffer.from(valid);
      if (round % 2 === 1) bytesOf[Math.floor(random() * bytesOf.length)] = Math.floor(random() * 256);
      expect(faultOf(() => everything.decode(bytesOf))).not.toStartWith('thrown');
    }
  });
});
