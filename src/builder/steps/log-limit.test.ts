import { expect, test } from 'bun:test';
import { LogLimit, noLogLimits } from './log-limit.ts';

const text = (data: Uint8Array): string => Buffer.from(data).toString();

test('what comes faster than the limit is cut once, and goes on when it is slow enough again', () => {
  const limit = new LogLimit({ sizeBytes: 1 << 20, bytesPerSecond: 1024 }, 0);
  expect(text(limit.take(Buffer.alloc(1000, 'a'), 0))).toBe('a'.repeat(1000));
  expect(text(limit.take(Buffer.alloc(100, 'b'), 10))).toBe(
    `${'b'.repeat(24)}\n[output clipped, log limit 1KiB/s reached]\n`,
  );
  expect(text(limit.take(Buffer.from('dropped'), 20))).toBe('');
  expect(text(limit.take(Buffer.from('seen'), 1500))).toBe('seen');
});

test('of a stream no more than its size is passed on, however slow it is', () => {
  const limit = new LogLimit({ sizeBytes: 3 << 20, bytesPerSecond: 1 << 20 }, 0);
  expect(limit.take(Buffer.alloc(3 << 20), 60_000).length).toBe(3 << 20);
  expect(text(limit.take(Buffer.from('x'), 600_000))).toBe('\n[output clipped, log limit 3MiB reached]\n');
  expect(text(limit.take(Buffer.from('x'), 6_000_000))).toBe('');
});

test('without limits everything is passed on', () => {
  const limit = new LogLimit(noLogLimits, 0);
  expect(limit.take(Buffer.alloc(10 << 20), 1).length).toBe(10 << 20);
});
