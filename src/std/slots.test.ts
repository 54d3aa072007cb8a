import { expect, test } from 'bun:test';
import { Slots } from './slots.ts';

const never = new AbortController().signal;

test('so many run at once, and the next when one has ended, whatever its outcome', async () => {
  const slots = new Slots(() => 2);
  const ends = [Promise.withResolvers<void>(), Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const begun: number[] = [];
  const runs = ends.map(({ promise }, index) =>
    slots.run(async () => {
      begun.push(index);
      await promise;
    }, never),
  );
  await Promise.resolve();
  expect(begun).toEqual([0, 1]);
  expect(slots.isFull).toBe(true);
  ends[0]?.reject(new Error('first'));
  await expect(runs[0] as Promise<void>).rejects.toThrow('first');
  ends[2]?.resolve();
  await runs[2];
  expect(begun).toEqual([0, 1, 2]);
  ends[1]?.resolve();
  await runs[1];
  expect(slots.isFull).toBe(false);
});

test('who goes away while waiting leaves the queue', async () => {
  const slots = new Slots(() => 1);
  const end = Promise.withResolvers<void>();
  const first = slots.run(() => end.promise, never);
  const gone = new AbortController();
  const second = slots.run(async () => 'ran', gone.signal);
  const third = slots.run(async () => 'ran', never);
  gone.abort(new Error('gone'));
  await expect(second).rejects.toThrow('gone');
  end.resolve();
  await first;
  expect(await third).toBe('ran');
});
