import { expect, test } from 'bun:test';
import { Lock } from './lock.ts';

test('bodies run one after the other, also behind one that fails', async () => {
  const lock = new Lock();
  const order: number[] = [];
  const gate = Promise.withResolvers<void>();
  const first = lock.run(async () => {
    await gate.promise;
    order.push(1);
    throw new Error('first');
  });
  const second = lock.run(async () => order.push(2));
  expect(lock.isHeld).toBe(true);
  gate.resolve();
  expect(first).rejects.toThrow('first');
  await second;
  expect(order).toEqual([1, 2]);
  await lock.run(async () => undefined);
  expect(lock.isHeld).toBe(false);
});
