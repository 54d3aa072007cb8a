import { expect, test } from 'bun:test';
import { formatDuration, humanDuration, parseDurationNs } from './duration.ts';

test("durations in Docker's words", () => {
  const cases: [number, string][] = [
    [0.4, 'Less than a second'],
    [1, '1 second'],
    [59, '59 seconds'],
    [60, 'About a minute'],
    [150, '2 minutes'],
    [3600, 'About an hour'],
    [5400, '2 hours'],
    [48 * 3600, '2 days'],
    [15 * 86400, '2 weeks'],
    [70 * 86400, '2 months'],
    [800 * 86400, '2 years'],
  ];
  for (const [seconds, words] of cases) expect(humanDuration(seconds * 1000)).toBe(words);
});

test('durations as Go writes them', () => {
  expect(parseDurationNs('1h30m')).toBe(5400e9);
  expect(parseDurationNs('-1.5s')).toBe(-1.5e9);
  expect(parseDurationNs('0')).toBe(0);
  for (const wrong of ['', '5', '1x', 's', '1 s']) expect(parseDurationNs(wrong)).toBeUndefined();
});

test('durations written as Go writes them', () => {
  const written = [0, 300e6, 1.3e9, 90e9, 3600e9, 1500, 5, -2e9].map(formatDuration);
  expect(written).toEqual(['0s', '300ms', '1.3s', '1m30s', '1h0m0s', '1.5µs', '5ns', '-2s']);
});
