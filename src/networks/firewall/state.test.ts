import { expect, test } from 'bun:test';
import { readMark } from './state.ts';

test('marks are read with and without a mask, and nothing else is', () => {
  expect(readMark('1')).toEqual({ value: 1, mask: 0xffff_ffff });
  expect(readMark('0x10/0xF0')).toEqual({ value: 0x10, mask: 0xf0 });
  expect(readMark('0xffffffff')).toEqual({ value: 0xffff_ffff, mask: 0xffff_ffff });
  for (const text of ['', 'x', '-1', '1/', '1/2/3', '0x1ffffffff', '4294967296', '1/0', '0x11/0xf0']) {
    expect(readMark(text)).toBeUndefined();
  }
});
