import { expect, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { gzip } from './gzip-pieces.ts';

async function* cut(content: Uint8Array, sizeBytes: number): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < content.length; offset += sizeBytes) yield content.subarray(offset, offset + sizeBytes);
}

async function compressed(content: Uint8Array, chunkBytes = 65_536): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(gzip(cut(content, chunkBytes))));
}

/** Text, then noise, then zeroes: larger than several pieces. */
const mixed = Buffer.concat([
  Buffer.from('all work and no play\n'.repeat(100_000)),
  randomBytes(2_500_000),
  Buffer.alloc(1_500_001),
]);

test('what is compressed in pieces is one gzip file, the same however the bytes come', async () => {
  const result = await compressed(mixed);
  expect(gunzipSync(result).equals(mixed)).toBe(true);
  const program = spawnSync('gzip', ['-dc'], { input: result, maxBuffer: 2 * mixed.length });
  expect(program.stderr.toString()).toBe('');
  expect(program.stdout.equals(mixed)).toBe(true);
  expect((await compressed(mixed, 7777)).equals(result)).toBe(true);
  // Noise stays its own size, the rest shrinks.
  expect(result.length).toBeLessThan(2_700_000);
});

test('nothing, one byte and a whole piece', async () => {
  for (const content of [Buffer.alloc(0), Buffer.from('x'), Buffer.alloc(1024 * 1024, 'ab')]) {
    expect(gunzipSync(await compressed(content)).equals(content)).toBe(true);
  }
});

test('a source that fails is the failure', async () => {
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield mixed.subarray(0, 3_000_000);
    throw new Error('the disk is gone');
  }
  await expect(Array.fromAsync(gzip(broken()))).rejects.toThrow('the disk is gone');
});
