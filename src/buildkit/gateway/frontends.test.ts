import { expect, test } from 'bun:test';
import type { BuildContext } from '#builder';
import { fail } from '#std/errors';
import { fakeBuilder, sourceEdge } from '../testing/fake-builder.ts';
import { evaluate } from './frontends.ts';

test('where one of several cannot be worked out, nothing of the others is held', async () => {
  const { builder, asked } = fakeBuilder(async ({ vertex }) => {
    if (vertex.name !== 'bad') return;
    // By then the others are there.
    await new Promise((resolve) => setImmediate(resolve));
    throw fail('internal', 'no such luck');
  });
  const context: BuildContext = {
    id: 'b',
    sessions: [],
    onProgress: () => undefined,
    signal: new AbortController().signal,
    imageResolveMode: 'default',
    cacheImports: [],
    explains: false,
  };
  const edges = ['one', 'bad', 'two'].map(sourceEdge);
  await expect(evaluate(builder, edges, context)).rejects.toThrow('no such luck');
  expect(asked.solved.map(({ vertex }) => vertex.name)).toEqual(['one', 'bad', 'two']);
  expect(asked.held).toBe(0);
});
