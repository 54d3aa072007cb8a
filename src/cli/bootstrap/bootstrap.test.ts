import { expect, test } from 'bun:test';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mirrorOf, parseOneLineSources, parseStanzaSources, readAptSources } from './apt-sources.ts';
import { bootstrapImage } from './index.ts';

const signal = new AbortController().signal;

test('reads the mirror from both formats of apt', () => {
  expect(
    parseOneLineSources(
      '# deb http://off.example/debian sid main\ndeb [signed-by=/a arch=amd64] http://a.example/debian bookworm main\ndeb-src http://b.example/debian bookworm main\n',
    ),
  ).toEqual([{ uri: 'http://a.example/debian', suites: ['bookworm'] }]);
  expect(
    parseStanzaSources(
      'Types: deb deb-src\n# a comment\nURIs: http://a.example/debian\nSuites: trixie\n trixie-updates\nComponents: main\n\nTypes: deb\nEnabled: no\nURIs: http://off.example/debian\nSuites: sid\n',
    ),
  ).toEqual([{ uri: 'http://a.example/debian', suites: ['trixie', 'trixie-updates'] }]);
});

test('takes the mirror of the release, else that of another release of Debian', () => {
  const security = { uri: 'http://a.example/debian-security', suites: ['trixie-security'] };
  const trixie = { uri: 'http://a.example/debian', suites: ['trixie', 'trixie-updates'] };
  const bookworm = { uri: 'https://b.example/mirror', suites: ['bookworm'] };
  expect(mirrorOf('bookworm', [security, trixie, bookworm])).toBe(bookworm.uri);
  expect(mirrorOf('bookworm', [security, trixie])).toBe(trixie.uri);
  expect(mirrorOf('bookworm', [security, { uri: 'cdrom:[disc]/', suites: ['bookworm'] }])).toBeUndefined();
});

test('reads every file that apt reads, and no other', () => {
  const directory = mkdtempSync(join(tmpdir(), 'estiba-apt-'));
  try {
    mkdirSync(join(directory, 'sources.list.d'));
    writeFileSync(join(directory, 'sources.list'), 'deb http://a.example/debian bookworm main\n');
    writeFileSync(join(directory, 'sources.list.d/b.sources'), 'Types: deb\nURIs: http://b.example/\nSuites: x\n');
    writeFileSync(join(directory, 'sources.list.d/c.list.disabled'), 'deb http://c.example/debian bookworm main\n');
    expect(readAptSources(directory).map(({ uri }) => uri)).toEqual(['http://a.example/debian', 'http://b.example/']);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('the same package gives the same image, byte for byte, whoever makes it', async () => {
  const make = async (): Promise<{ id: string; sha256: string }> => {
    await using image = await bootstrapImage('busybox', { signal });
    const hash = createHash('sha256');
    for await (const chunk of image.archive) hash.update(chunk);
    return { id: image.id, sha256: hash.digest('hex') };
  };
  const first = await make();
  const before = process.umask(0o077);
  try {
    expect(await make()).toEqual(first);
  } finally {
    process.umask(before);
  }
}, 60_000);

test('names the images that there are when asked for another', async () => {
  expect(bootstrapImage('alpine', { signal })).rejects.toThrow(
    'cannot bootstrap "alpine": the base images are debian:bookworm and busybox',
  );
});

test('removes its temporary files', async () => {
  const temporary = mkdtempSync(join(tmpdir(), 'estiba-temporary-'));
  const before = process.env.TMPDIR;
  process.env.TMPDIR = temporary;
  try {
    const image = await bootstrapImage('busybox', { tag: 'mine', signal });
    expect(image.reference).toBe('mine:latest');
    expect(readdirSync(temporary)).not.toEqual([]);
    await image.archive.cancel();
    await image[Symbol.asyncDispose]();
    expect(readdirSync(temporary)).toEqual([]);
  } finally {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
    rmSync(temporary, { recursive: true, force: true });
  }
}, 60_000);
