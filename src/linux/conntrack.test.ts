import { expect, test } from 'bun:test';
import { join } from 'node:path';

test.each([1, 40])('flows to %d udp ports are forgotten, and no others', async (count) => {
  const script = join(import.meta.dir, 'conntrack.fixture.ts');
  const child = Bun.spawn(['unshare', '--net', process.execPath, script, String(count)], { stderr: 'inherit' });
  expect(JSON.parse(await child.stdout.text())).toEqual({ before: 50, after: 50 - count });
});
