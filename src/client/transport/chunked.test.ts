import { expect, test } from 'bun:test';
import { ChunkedDecoder } from './chunked.ts';

const body = '5\r\nhello\r\n1;name=value\r\n \r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n';

test('chunks are one piece, and what follows them is left', () => {
  const decoder = new ChunkedDecoder();
  const { payload, rest } = decoder.decode(Buffer.from(`${body}HTTP/1.1`));
  expect(Buffer.from(payload).toString()).toBe('hello 0123456789');
  expect(Buffer.from(rest).toString()).toBe('HTTP/1.1');
  expect(decoder.done).toBe(true);
});

test('chunks may be cut anywhere', () => {
  for (let size = 1; size < 9; size++) {
    const decoder = new ChunkedDecoder();
    let text = '';
    for (let from = 0; from < body.length; from += size) {
      text += Buffer.from(decoder.decode(Buffer.from(body.slice(from, from + size))).payload).toString();
    }
    expect(text).toBe('hello 0123456789');
    expect(decoder.done).toBe(true);
  }
});

test('a size that is none is refused', () => {
  expect(() => new ChunkedDecoder().decode(Buffer.from('zz\r\n'))).toThrow('a chunk of no size');
});
