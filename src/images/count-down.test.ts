import { expect, test } from 'bun:test';
import { countDown } from './count-down.ts';

test('how long it still is, each second, until there is no wait or it is over', async () => {
  const told: string[] = [];
  const last = Promise.withResolvers<void>();
  const waits = countDown((status) => {
    told.push(status);
    if (status === 'Retrying in 1 second') last.resolve();
  });
  waits.begin(60);
  waits.begin(2);
  await last.promise;
  waits.begin(0.2);
  waits.end();
  expect(told).toEqual([
    'Retrying in 60 seconds',
    'Retrying in 2 seconds',
    'Retrying in 1 second',
    'Retrying in 1 second',
  ]);
});
