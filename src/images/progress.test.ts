import { expect, test } from 'bun:test';
import { fail } from '#std/errors';
import { createMeter, progressMessage, reporting } from './progress.ts';

test('progress is told in the words and the bar of Docker', () => {
  expect(JSON.stringify(progressMessage('0123456789ab', 'Waiting'))).toBe(
    '{"status":"Waiting","progressDetail":{},"id":"0123456789ab"}',
  );
  expect(JSON.stringify(progressMessage('a', 'Pushing', { current: 955_904, total: 1_984_172 }))).toBe(
    `{"status":"Pushing","progressDetail":{"current":955904,"total":1984172},"progress":"[${'='.repeat(24)}>${' '.repeat(26)}]  955.9kB/1.984MB","id":"a"}`,
  );
  // More than there was to be: no total is shown.
  expect(progressMessage('a', 'Pushing', { current: 2_129_920, total: 1_984_172 }).progress).toBe(
    `[${'='.repeat(50)}>]   2.13MB`,
  );
  expect(progressMessage('a', 'Pushing', { current: 512, total: 0 })).toEqual({
    status: 'Pushing',
    progressDetail: { current: 512 },
    progress: '    512B',
    id: 'a',
  });
});

test('a reader gets what is reported in order, the newest of each progress, and the failure last', async () => {
  const seen: unknown[] = [];
  const messages = reporting(async (report) => {
    report({ status: 'begin' });
    report(progressMessage('a', 'Pushing', { current: 1, total: 9 }));
    report(progressMessage('b', 'Pushing', { current: 1, total: 9 }));
    report(progressMessage('a', 'Pushing', { current: 5, total: 9 }));
    report({ status: 'end' });
    throw fail('forbidden', 'denied');
  });
  const read = async (): Promise<void> => {
    for await (const { status, id, progressDetail } of messages) seen.push([status, id, progressDetail?.current]);
  };
  await expect(read()).rejects.toThrow('denied');
  expect(seen).toEqual([
    ['begin', undefined, undefined],
    ['Pushing', 'a', 5],
    ['Pushing', 'b', 1],
    ['end', undefined, undefined],
  ]);
});

test('work ends when its reader goes away', async () => {
  let ended = '';
  const messages = reporting(async (report, signal) => {
    report({ status: 'begin' });
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    ended = 'by its reader';
  });
  for await (const _ of messages) break;
  expect(ended).toBe('by its reader');
});

test('a meter tells of the first bytes, and then only now and then', () => {
  const told: unknown[] = [];
  const meter = createMeter((message) => told.push(message), { id: 'a', status: 'Pushing', totalBytes: 1000 });
  for (let index = 0; index < 100; index++) meter.add(10);
  expect(told.length).toBeGreaterThanOrEqual(1);
  expect(told.length).toBeLessThan(100);
});
