import { expect, test } from 'bun:test';
import { detachBytes, detachFilter } from './detach-keys.ts';

async function run(keys: string | undefined, chunks: readonly string[]): Promise<[string, boolean]> {
  let detached = false;
  const filter = detachFilter(detachBytes(keys), () => {
    detached = true;
  });
  for (const chunk of chunks) filter.write(chunk);
  filter.end();
  const passed: Buffer[] = [];
  for await (const chunk of filter) passed.push(chunk as Buffer);
  return [Buffer.concat(passed).toString(), detached];
}

test('passes input on until the sequence, also cut over chunks', async () => {
  expect(await run(undefined, ['ls\n'])).toEqual(['ls\n', false]);
  expect(await run(undefined, ['a\x10\x11'])).toEqual(['', true]);
  expect(await run(undefined, ['a', '\x10', '\x11'])).toEqual(['a', true]);
});

test('a prefix that does not go on is input after all', async () => {
  expect(await run(undefined, ['\x10', 'x'])).toEqual(['\x10x', false]);
  expect(await run(undefined, ['\x10\x10\x11'])).toEqual(['', true]);
  expect(await run('a,b,c', ['aba', 'bd'])).toEqual(['ababd', false]);
  expect(await run(undefined, ['\x10'])).toEqual(['\x10', false]);
});

test('refuses keys that do not exist', () => {
  expect(() => detachBytes('ctrl-é')).toThrow('Invalid detach keys (ctrl-é) provided');
  expect([...detachBytes('ctrl-a,z,ctrl-[,DEL')]).toEqual([1, 122, 27, 127]);
});
