import { expect, test } from 'bun:test';
import { join, normalize } from 'node:path';
import { enteredByFile, packages, rooms } from './law/rooms.ts';
import { importCircles, importsOf, projectRoot, sourcesIn } from './law/sources.ts';

const roomOf = (path: string): string => path.split('/')[1] ?? '';

/** What is wrong with one import of one file; undefined when nothing is. */
const processEntries = ['#keeper/process', '#porter/process', '#filesync/process', '#builder/process'];
/** What keeps the layers of a builder that is not loaded. */
const cmdEntries = [...processEntries, '#builder/cache'];

function breach(path: string, specifier: string): string | undefined {
  const room = roomOf(path);
  const allowed = rooms[room];
  if (allowed === undefined) return `${path}: the room "${room}" is not in test/law/rooms.ts`;
  if (specifier.startsWith('node:') || specifier === 'bun' || specifier.startsWith('bun:')) {
    return room === 'api' ? `${path} imports ${specifier}: api holds shapes alone` : undefined;
  }
  if (specifier.startsWith('.')) {
    const target = normalize(join(path, '..', specifier));
    if (target === 'package.json') return undefined;
    if (!specifier.endsWith('.ts')) return `${path}: write "${specifier}" with its ending, .ts`;
    if (roomOf(target) === room && target.startsWith('src/')) return undefined;
    return `${path}: leave the room by #${roomOf(target)}, not by "${specifier}"`;
  }
  const entered = /^#([a-z-]+)(?:\/(.+))?$/.exec(specifier);
  if (entered === null) {
    if (packages[specifier]?.includes(room)) return undefined;
    return `${path} imports the package ${specifier}: it is not among those of test/law/rooms.ts`;
  }
  const [, target = '', file] = entered;
  if (target === room) return `${path}: "${specifier}" is its own room; use a relative path`;
  if (!allowed.includes(target))
    return `${path} imports ${specifier}: ${room} may import ${allowed.join(', ') || 'nothing'}`;
  const byFile = enteredByFile.includes(target);
  if (byFile !== (file !== undefined) && !cmdEntries.includes(specifier)) {
    return `${path}: enter ${target} ${byFile ? `by file, #${target}/…` : `by its index.ts, #${target}`}`;
  }
  return undefined;
}

test('every import obeys the law of rooms', () => {
  const breaches = sourcesIn('src').flatMap(({ path, text }) =>
    importsOf(text).flatMap((specifier) => breach(path, specifier) ?? []),
  );
  expect(breaches).toEqual([]);
});

test('the processes of keeper, porter, filesync and builder are entered by cmd alone', () => {
  const breaches = sourcesIn('src')
    .filter(({ path, text }) => roomOf(path) !== 'cmd' && cmdEntries.some((entry) => importsOf(text).includes(entry)))
    .map(({ path }) => `${path}: speak to the process through its room's index`);
  expect(breaches).toEqual([]);
});

test('the law has no cycle: every arrow goes down', () => {
  const reaches = (from: string, to: string): boolean =>
    (rooms[from] ?? []).some((next) => next === to || reaches(next, to));
  expect(Object.keys(rooms).filter((room) => reaches(room, room))).toEqual([]);
});

test('no files of a room import each other in a circle, types aside', () => {
  expect(importCircles(sourcesIn('src'))).toEqual([]);
  const circle = ['a', 'b'].map((name) => ({
    path: `src/x/${name}.ts`,
    text: `import { c } from './${name === 'a' ? 'b' : 'a'}.ts';\n`,
  }));
  expect(importCircles(circle)).toEqual([['src/x/a.ts', 'src/x/b.ts']]);
  const [first, second] = circle;
  if (first && second)
    expect(importCircles([first, { ...second, text: "import type { C } from './a.ts';" }])).toEqual([]);
});

test('the law catches what breaks it', () => {
  expect(breach('src/linux/mount.ts', '#store')).toContain('linux may import std');
  expect(breach('src/cli/run.ts', '#containers')).toContain('cli may import client, ');
  expect(breach('src/cli/run.ts', '../client/http.ts')).toContain('leave the room by #client');
  expect(breach('src/cli/run.ts', '#client/http')).toContain('by its index.ts');
  expect(breach('src/http/server.ts', 'express')).toContain('not among those');
  expect(
    importsOf("import type { A } from '#api';\nexport * from './b.ts';\nconst c = await import('./c.ts');"),
  ).toEqual(['#api', './b.ts', './c.ts']);
});

test('every room in package.json is in the law, and the other way round', async () => {
  const { imports } = (await Bun.file(join(projectRoot, 'package.json')).json()) as { imports: Record<string, string> };
  const named = Object.keys(imports).map((key) => key.replace(/^#|\/.*$/g, ''));
  expect([...new Set(named)].sort()).toEqual(
    Object.keys(rooms)
      .filter((room) => room !== 'cmd')
      .sort(),
  );
});
