import { describe, expect, test } from 'bun:test';
import { jsonFormat } from './json-format.ts';
import { formatRecords, longestLineBytes, withoutCutCharacter } from './records.ts';

const time = '2026-01-01T00:00:00.120000000Z';
const timeNs = 1_767_225_600_120_000_000n;
const json = jsonFormat();

function format(source: Uint8Array, final = false): { text: string; consumed: number } {
  const target = Buffer.alloc(1024 * 1024);
  const suffix = json.stamp('stdout', timeNs);
  const { consumed, end } = formatRecords(json, source, source.length, suffix, target, 0, target.length, final);
  return { text: target.toString('utf8', 0, end), consumed };
}

function record(text: string): string {
  return `{"log":"${text}","stream":"stdout","time":"${time}"}\n`;
}

describe('log records', () => {
  test('carry a time of nine digits', () => {
    expect(json.stamp('stderr', timeNs).toString()).toBe(`","stream":"stderr","time":"${time}"}\n`);
  });

  test('carry attributes where Docker has them, and their time can be found again', () => {
    const labelled = jsonFormat('{"a":"1"}');
    const stamp = labelled.stamp('stdout', timeNs);
    expect(stamp.toString()).toBe(`","stream":"stdout","attrs":{"a":"1"},"time":"${time}"}\n`);
    const record = Buffer.concat([Buffer.from('{"log":"x\\n'), stamp]);
    expect(labelled.stampOf('stdout', record)).toEqual(stamp);
  });

  test('are escaped as Docker escapes them', () => {
    expect(format(Buffer.from('a<b>&"\\\t\r\u0001é\u2028€😀\n')).text).toBe(
      record('a\\u003cb\\u003e\\u0026\\"\\\\\\u0009\\r\\u0001é\\u2028€😀\\n'),
    );
  });

  test('replace every byte that is no UTF-8', () => {
    for (const bytes of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe2, 0x80], [0xf5, 0x80, 0x80, 0x80]]) {
      expect(format(Buffer.from([...bytes, 0x0a])).text).toBe(record(`${'\\ufffd'.repeat(bytes.length)}\\n`));
    }
  });

  test('leave an unfinished line for later, unless nothing follows', () => {
    expect(format(Buffer.from('one\ntwo'))).toEqual({ text: record('one\\n'), consumed: 4 });
    expect(format(Buffer.from('one\ntwo'), true)).toEqual({ text: record('one\\n') + record('two'), consumed: 7 });
  });

  test('cut a long line, but no character', () => {
    const line = `${'x'.repeat(longestLineBytes - 1)}€ and more\n`;
    const { text, consumed } = format(Buffer.from(line));
    expect(text).toBe(record('x'.repeat(longestLineBytes - 1)) + record('€ and more\\n'));
    expect(consumed).toBe(Buffer.byteLength(line));
  });

  test('stop before the limit, but for the first', () => {
    const target = Buffer.alloc(4096);
    const source = Buffer.from('1\n2\n3\n');
    const suffix = json.stamp('stdout', timeNs);
    const limit = record('1\\n').length * 2;
    expect(formatRecords(json, source, 6, suffix, target, 0, limit, false)).toEqual({ consumed: 4, end: limit });
    expect(formatRecords(json, source, 6, suffix, target, 0, 1, false).consumed).toBe(2);
  });

  test('know a character whose rest is still to come', () => {
    const euro = Buffer.from('a€');
    expect([1, 2, 3, 4].map((length) => withoutCutCharacter(euro, length))).toEqual([1, 1, 1, 4]);
  });
});
