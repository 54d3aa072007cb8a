import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { control } from '#build-api';
import type { Written } from '#grpc';
import { dockerfile, openFakeEngine } from '../testing/fake-engine.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'estiba-history-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const open = () => openFakeEngine(join(directory, 'records.db'));

test('the history outlives the engine, and its builds can be kept and removed', async () => {
  {
    using engine = open();
    for (const ref of ['a', 'b']) await engine.calls.solve(dockerfile(ref));
    await engine.calls.updateHistory({ ref: 'a', pinned: true });
    // As a killed engine leaves it.
    engine.records
      .collection('build-history')
      .put({ ...engine.records.collection('build-history').get('b'), id: 'cut', completedAt: undefined } as never);
  }
  using engine = open();
  const { calls } = engine;
  const list = async (request: Written<typeof control.buildHistoryRequest>) => {
    const events = await Array.fromAsync(calls.history({ earlyExit: true, ...request }));
    return events.map(({ record }) => record?.ref).sort();
  };
  expect(await list({})).toEqual(['a', 'b', 'cut']);
  expect(await list({ filter: ['status==error'] })).toEqual(['cut']);
  expect(await list({ filter: ['status=completed,ref!=a'] })).toEqual(['b']);
  expect(await list({ activeOnly: true })).toEqual([]);
  const follower = new AbortController();
  const events = calls.history({ ref: 'b' }, follower.signal)[Symbol.asyncIterator]();
  expect((await events.next()).value).toMatchObject({ type: 1 });
  await calls.updateHistory({ ref: 'b', delete: true });
  expect((await events.next()).value).toMatchObject({ type: 2, record: { ref: 'b' } });
  follower.abort();
  expect((await events.next()).done).toBe(true);
  for (let index = 0; index < 52; index++) await calls.solve(dockerfile(`n${index}`));
  const kept = await list({});
  expect(kept).toHaveLength(51);
  expect(kept).toContain('a');
  expect(kept).not.toContain('n0');
});
