import { expect, test } from 'bun:test';
import { LogOpenings } from './openings.ts';

test('those of one container are waited for, and no others', async () => {
  const openings = new LogOpenings();
  const [first, second] = [openings.enter('one'), openings.enter('one')];
  openings.enter('two');
  let isSettled = false;
  const settled = openings.settled('one', 60_000).then(() => {
    isSettled = true;
  });
  first[Symbol.dispose]();
  await new Promise((resolve) => setImmediate(resolve));
  expect(isSettled).toBe(false);
  second[Symbol.dispose]();
  await settled;
  await openings.settled('nobody', 60_000);
});

test('one that does not end is not waited for for ever', async () => {
  const openings = new LogOpenings();
  openings.enter('one');
  await openings.settled('one', 1);
});
