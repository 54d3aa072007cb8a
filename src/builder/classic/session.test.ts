import { expect, test } from 'bun:test';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestOf } from '#oci';
import { ClassicSession } from './session.ts';

function openContext() {
  const base = mkdtempSync(join(tmpdir(), 'estiba-classic-'));
  const [root, outside] = [join(base, 'root'), join(base, 'outside')];
  for (const directory of [root, outside, join(root, 'inside')]) mkdirSync(directory);
  const sent = { path: root, digest: digestOf('sent'), release: () => {} };
  return {
    root,
    outside,
    sent,
    async local(fileName: string, excludePatterns: readonly string[]) {
      const session = new ClassicSession(sent, new Map(), fileName, new AbortController().signal);
      const request = {
        name: 'context',
        includePatterns: [],
        excludePatterns,
        followPaths: [],
        differ: 'none' as const,
      };
      return session.local(request);
    },
    [Symbol.dispose]: () => rmSync(base, { recursive: true }),
  };
}

test('a Dockerfile and an ignore file that are left out go from the context, which is another one then', async () => {
  using context = openContext();
  const { root, sent } = context;
  for (const name of ['.dockerignore', 'Dockerfile', 'kept']) writeFileSync(join(root, name), name);
  expect((await context.local('Dockerfile', ['other'])).digest).toBe(sent.digest);
  expect((await context.local('Dockerfile', ['Dockerfile', '.dockerignore'])).digest).not.toBe(sent.digest);
  expect(['.dockerignore', 'Dockerfile', 'kept'].filter((name) => existsSync(join(root, name)))).toEqual(['kept']);
  expect((await context.local('Dockerfile', ['Dockerfile'])).digest).toBe(sent.digest);
});

test('a symlink of the context does not lead to files of the host that would go', async () => {
  using context = openContext();
  const { root, outside, sent } = context;
  for (const directory of [outside, join(root, 'inside')]) writeFileSync(join(directory, 'file'), 'here');
  symlinkSync(outside, join(root, 'out'));
  symlinkSync('/inside', join(root, 'in'));
  expect((await context.local('out/file', ['out/file'])).digest).toBe(sent.digest);
  expect(existsSync(join(outside, 'file'))).toBe(true);
  // Absolute ones begin at the top of the context.
  expect((await context.local('in/file', ['in/file'])).digest).not.toBe(sent.digest);
  expect(existsSync(join(root, 'inside/file'))).toBe(false);
});
