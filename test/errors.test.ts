import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { errorKinds } from '#std/errors';
import { projectRoot } from './law/sources.ts';

test('docs/errors.md and the table of kinds say the same', async () => {
  const text = await Bun.file(join(projectRoot, 'docs/errors.md')).text();
  const documented = [...text.matchAll(/^\| `([a-z-]+)` \| (\d+) \| (\d+) \| (\d+) \| \S.* \|$/gm)].map(
    ([, kind, status, exitCode, grpcCode]) => [
      kind,
      { status: Number(status), exitCode: Number(exitCode), grpcCode: Number(grpcCode) },
    ],
  );
  expect(Object.fromEntries(documented)).toEqual(errorKinds);
  expect(documented.map(([kind]) => kind)).toEqual(Object.keys(errorKinds));
});
