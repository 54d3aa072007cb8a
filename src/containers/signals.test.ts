import { expect, test } from 'bun:test';
import { signalNumber } from './signals.ts';

test('signals by name, by number, and real-time ones', () => {
  expect(['SIGTERM', 'term', 'KILL', '15', 'RTMIN+3', 'SIGRTMAX'].map(signalNumber)).toEqual([15, 15, 9, 15, 37, 64]);
  for (const wrong of ['65', '-1']) {
    expect(() => signalNumber(wrong)).toThrow(`the linux daemon does not support signal ${wrong}`);
  }
  for (const wrong of ['', 'FOO', '0', '1.5', 'RTMIN+99']) {
    expect(() => signalNumber(wrong)).toThrow(`invalid signal: ${wrong}`);
  }
});
