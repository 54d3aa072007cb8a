import { expect, test } from 'bun:test';
import { BuildProgress, type ProgressBatch } from './build-progress.ts';

const at = '2026-01-02T03:04:05Z';
const vertex = (digest: string, more = {}) => ({ type: 'vertex', digest, inputs: [], name: digest, ...more }) as const;
const log = (text: string | number) => {
  const data = typeof text === 'number' ? new Uint8Array(text).fill(46) : Buffer.from(text);
  return { type: 'log', vertex: 'a', stream: 1, data, at } as const;
};
const never = new AbortController().signal;

async function outputOf(batches: AsyncIterable<ProgressBatch>): Promise<string> {
  const logs = (await Array.fromAsync(batches)).flatMap((batch) => batch.logs);
  return Buffer.concat(logs.map(({ data }) => data)).toString();
}

test('whoever comes late is told the newest of each vertex and all of its output', async () => {
  const progress = new BuildProgress();
  const early = Array.fromAsync(progress.follow(never));
  progress.add(vertex('a'));
  progress.add(log('one\n'));
  progress.add(vertex('a', { completedAt: at }));
  const late = outputOf(progress.follow(never));
  progress.add(log('two\n'));
  progress.end();
  progress.add(log('never told\n'));
  expect(await late).toBe('one\ntwo\n');
  expect((await early).flatMap(({ vertices }) => vertices).at(-1)).toMatchObject({ digest: 'a', completedAt: at });
  expect(progress.all().vertices).toHaveLength(1);
  expect(await outputOf(progress.follow(never))).toBe('one\ntwo\n');
});

test('who leaves is told no more', async () => {
  const progress = new BuildProgress();
  const client = new AbortController();
  const following = Array.fromAsync(progress.follow(client.signal));
  client.abort();
  expect(await following).toEqual([]);
});

test('the output of one vertex is bounded', async () => {
  const progress = new BuildProgress();
  for (let index = 0; index < 9; index++) progress.add(log(1024 * 1024));
  progress.end();
  const output = await outputOf(progress.follow(never));
  expect(output.length).toBeLessThan(4.1 * 1024 * 1024);
  expect(output).toEndWith('[output clipped, log limit 4MiB reached]\n');
});
