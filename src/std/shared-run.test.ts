import { expect, test } from 'bun:test';
import { sharedRun } from './shared-run.ts';

test('who comes while it runs waits for the next run, which all of them share', async () => {
  const ends: ((failure?: Error) => void)[] = [];
  const run = sharedRun(
    () => new Promise((resolve, reject) => void ends.push((failure) => (failure ? reject(failure) : resolve()))),
  );
  const first = run();
  const later = [run(), run()];
  expect(ends).toHaveLength(1);
  ends[0]?.(new Error('failed'));
  await expect(first).rejects.toThrow('failed');
  while (ends.length < 2) await Promise.resolve();
  const last = run();
  ends[1]?.();
  await Promise.all(later);
  while (ends.length < 3) await Promise.resolve();
  ends[2]?.();
  await last;
  expect(ends).toHaveLength(3);
});
