import { expect, test } from 'bun:test';
import { createIgnoreMatcher, ignoreFilesOf, readIgnoreFile } from './index.ts';

const ignores = (file: string, path: string): boolean => createIgnoreMatcher(readIgnoreFile(file)).matches(path);

/** Patterns, paths that they leave out, paths that they do not. */
const table: readonly [string, string[], string[]][] = [
  ['a', ['a', 'a/b', 'a/b/c'], ['b', 'ab', 'b/a']],
  ['/a', ['a', 'a/b'], ['b/a']],
  ['a/', ['a', 'a/b'], ['b/a']],
  ['*', ['a', '.a', 'a/b'], []],
  ['*.o', ['x.o', '.o', 'x.o/y'], ['a/x.o', 'x.oo']],
  ['**/*.o', ['x.o', 'a/x.o', 'a/b/x.o'], ['x.c', 'a/xo']],
  ['**', ['a', 'a/b'], []],
  ['a/**', ['a/b', 'a/b/c'], ['a', 'b/a']],
  ['**/a', ['a', 'b/a', 'c/b/a', 'b/a/x'], ['ab', 'ba/x']],
  ['**a', ['a', 'ba', 'x/ca'], ['ab']],
  ['a/**/z', ['a/z', 'a/b/z', 'a/b/c/z'], ['z', 'a/bz']],
  ['a/*/z', ['a/b/z'], ['a/z', 'a/b/c/z']],
  ['a?c', ['abc', 'aéc'], ['ac', 'a/c', 'abbc']],
  ['[a-c]x', ['ax', 'cx'], ['dx', 'x']],
  ['[^a-c]x', ['dx'], ['ax']],
  ['a\\*b', ['a*b'], ['axb', 'ab']],
  ['a.b', ['a.b'], ['axb']],
  ['a+(b)|{c}$^', ['a+(b)|{c}$^'], ['aa(b)']],
  ['./a/../b', ['b'], ['a']],
  ['a\n!a/b', ['a', 'a/c'], ['a/b', 'a/b/c']],
  ['a\n!a/b\na/b/c', ['a/b/c', 'a/x'], ['a/b', 'a/b/d']],
  ['*\n!*.md\nREADME*.md\n!README-no.md', ['x', 'README.md'], ['a.md', 'README-no.md']],
  ['!a', [], ['a', 'b']],
  ['# a\n  \n b \r\n #c', ['b', '#c'], ['a', '# a']],
  ['\ufeffa', ['a'], []],
  ['! a ', [], ['a']],
];

test('paths are left out as the documentation of .dockerignore says', () => {
  const wrong = table.flatMap(([file, out, kept]) => [
    ...out.filter((path) => !ignores(file, path)).map((path) => [file, path, 'is kept']),
    ...kept.filter((path) => ignores(file, path)).map((path) => [file, path, 'is left out']),
  ]);
  expect(wrong).toEqual([]);
});

test('a walk that hands on what was found for folders gives the same', () => {
  const paths = ['a', 'a/b', 'a/b/c', 'a/b/c/z', 'x.o', 'a/x.o', 'README.md', 'b'];
  for (const [file] of table) {
    const matcher = createIgnoreMatcher(readIgnoreFile(file));
    for (const path of paths) {
      const parts = path.split('/');
      let walked = matcher.walk(parts[0] ?? '');
      for (let depth = 2; depth <= parts.length; depth++)
        walked = matcher.walk(parts.slice(0, depth).join('/'), walked);
      expect([file, path, walked.ignored]).toEqual([file, path, matcher.matches(path)]);
    }
  }
});

test('patterns that cannot be are refused in the words of Docker', () => {
  for (const pattern of ['[', '[a', 'a\\', '[]a', '[a-]', '[-x]', '[\\']) {
    expect(() => createIgnoreMatcher([pattern])).toThrow('syntax error in pattern');
  }
  expect(() => createIgnoreMatcher(readIgnoreFile('!'))).toThrow('illegal exclusion pattern: "!"');
  expect(() => createIgnoreMatcher(['[z-a]'])).toThrow('syntax error in pattern');
});

test("a Dockerfile's own ignore file comes before that of the context", () => {
  expect(ignoreFilesOf('build/app.Dockerfile')).toEqual(['build/app.Dockerfile.dockerignore', '.dockerignore']);
});
