import { expect, test } from 'bun:test';
import { globMatcher, pathMatcher } from './glob.ts';

/** What a pattern means, as a regular expression. */
function meaning(pattern: string): RegExp {
  const source = pattern.replace(/\*\*\/(?=.)|\*\*(?=.)|\*\*|\*|\?/g, (run) => {
    if (run === '*') return '[^/]*';
    if (run === '?') return '[^/]';
    return run === '**' && pattern.endsWith('**') && pattern.indexOf('**') === pattern.length - 2 ? '.*' : '(?:.*\\/)?';
  });
  return new RegExp(`^${source}$`, 's');
}

test('patterns with many runs mean what they mean with few', () => {
  const texts = [
    '',
    'a',
    'b',
    'ab',
    'a/b',
    'a/a/b',
    'aab',
    'a/xab',
    'x/a/y/b',
    'ab/ab/ab',
    '/b',
    'a//b',
    'aaaa/b/a',
    'b/aa',
  ];
  const patterns = [
    '**/a*/**/*b*',
    '*a*a*b',
    '**/a/**/b*',
    '*/*/*/*b',
    '**a**b*',
    '?*a*?/*',
    'a**/**/**b',
    '*[ab]*/?**b',
  ];
  for (const pattern of patterns) {
    const [matches, expression] = [globMatcher(pattern), meaning(pattern)];
    const expected = texts.filter((text) => expression.test(text));
    expect([pattern, texts.filter(matches)]).toEqual([pattern, expected]);
  }
});

test('no pattern takes forever', () => {
  const text = `${'a'.repeat(250)}/`.repeat(16);
  expect(globMatcher(`${'*a'.repeat(20)}b`)('a'.repeat(250))).toBe(false);
  expect(globMatcher(`**/${'*a'.repeat(20)}b`)(text)).toBe(false);
  expect(globMatcher(`${'**/a'.repeat(20)}b`)('a/'.repeat(2000))).toBe(false);
  expect(globMatcher(`${'*a'.repeat(20)}*`)('a'.repeat(250))).toBe(true);
});

test("a pattern of path.Match's", () => {
  const fits = (pattern: string, text: string): boolean => pathMatcher(pattern)(text);
  for (const pattern of [
    'team/app:1',
    '*/app:1',
    'team/*',
    'team/a??:[0-9]',
    '**/**',
    '[^x]*/app:1',
    'team\\/a\\pp:\\1',
    't*/*[\\p]:1',
  ]) {
    expect([pattern, fits(pattern, 'team/app:1')]).toEqual([pattern, true]);
  }
  for (const pattern of [
    '',
    '*',
    '**',
    'team',
    '**app:1',
    'team/a?:1',
    'team?app:1',
    'team/app:[^1]',
    'team.app:1',
    'team/app:[\\d]',
  ]) {
    expect([pattern, fits(pattern, 'team/app:1')]).toEqual([pattern, false]);
  }
  for (const pattern of ['[', '[a', '[]a]', '[a-]', 'a\\', '\\\\[]', '[z-a]'])
    expect(() => pathMatcher(pattern)).toThrow('syntax error in pattern');
  expect(fits(`${'*a'.repeat(20)}b`, 'a'.repeat(250))).toBe(false);
});
