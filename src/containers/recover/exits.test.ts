import { expect, test } from 'bun:test';
import { createExits } from './exits.ts';

test('an end that cannot be taken in is told of, tried again, and holds nothing up', async () => {
  const taken: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  let failures = 2;
  const exits = createExits(
    {
      onExit: async (id) => {
        if (id === 'bad' && failures-- > 0) throw new Error('a mount that does not go');
        taken.push(id);
        if (id === 'bad') resolve();
      },
      onExecExit: async ({ id }) => void taken.push(id),
    },
    1,
  );
  await exits.take({ id: 'bad', container: 'bad', kind: 'init', state: 'exited' });
  await exits.take({ id: 'good', container: 'good', kind: 'init', state: 'exited' });
  await exits.take({ id: 'exec', container: 'good', kind: 'exec', state: 'exited' });
  expect(taken.slice(0, 2)).toEqual(['good', 'exec']);
  await promise;
  expect(taken.at(-1)).toBe('bad');
  exits.close();
});
