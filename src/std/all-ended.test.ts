import { expect, test } from 'bun:test';
import { allEnded } from './all-ended.ts';

test('all that works come to, in their order', async () => {
  const slow = Promise.withResolvers<number>();
  const all = allEnded([slow.promise, Promise.resolve(2)]);
  slow.resolve(1);
  expect(await all).toEqual([1, 2]);
});

test('the first failure is told at once, and thrown when the others have ended', async () => {
  const [slow, other] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const told = Promise.withResolvers<unknown>();
  const reasons: unknown[] = [];
  const ended: string[] = [];
  const all = allEnded(
    [slow.promise.then(() => void ended.push('slow')), other.promise, Promise.reject(new Error('first'))],
    (reason) => {
      reasons.push(reason);
      told.resolve(reason);
    },
  );
  const caught = all.catch((error: unknown) => ({ error, before: [...ended] }));
  expect(await told.promise).toEqual(new Error('first'));
  expect(ended).toEqual([]);
  other.reject(new Error('second'));
  slow.resolve();
  expect(await caught).toEqual({ error: new Error('first'), before: ['slow'] });
  expect(reasons).toHaveLength(1);
});
