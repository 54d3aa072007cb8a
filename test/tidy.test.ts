import { expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { enteredByFile, rooms } from './law/rooms.ts';
import { projectRoot, sourcesIn } from './law/sources.ts';
import { isOrphanTest, untidy, untidyPath } from './law/tidy.ts';

// The rules themselves hold the words that they forbid.
const ours = sourcesIn('src', 'test', 'tools', 'bench').filter(
  ({ path }) => path !== 'test/law/tidy.ts' && path !== 'test/tidy.test.ts',
);

test('the house is tidy', () => {
  expect(ours.flatMap(untidy)).toEqual([]);
});

test('every room has its door', () => {
  const doorless = Object.keys(rooms)
    .filter((room) => !enteredByFile.includes(room) && room !== 'cmd')
    .filter((room) => !existsSync(join(projectRoot, 'src', room, 'index.ts')));
  expect(doorless).toEqual([]);
});

test('unit tests sit beside what they test', () => {
  const all = new Set(ours.map(({ path }) => path));
  expect([...all].filter((path) => path.startsWith('src/') && isOrphanTest(path, all))).toEqual([]);
});

test('tidiness catches what breaks it', () => {
  const complaints = (text: string, path = 'src/images/x.ts'): string => untidy({ path, text }).join('\n');
  expect(complaints('const a: any = 1;')).toContain('write unknown');
  expect(complaints('// TODO later')).toContain('write the code itself');
  expect(complaints("test.skip('x', () => {});")).toContain('a test that runs');
  expect(complaints('export function f(): void {}')).toContain('write above it');
  expect(complaints('/** Does. */\nexport function f(): void {}')).toBe('');
  expect(complaints('x\n'.repeat(400))).toContain('split it');
  expect(complaints(`function f() {\n${'  g();\n'.repeat(90)}}\n`)).toContain('a function of 92 lines');
  expect(complaints(`class C {\n  run(a: number): void {\n${'    g();\n'.repeat(90)}  }\n}\n`)).toContain('92 lines');
  expect(complaints("console.log('x');")).toContain('log() of #std/log');
  expect(complaints("console.log('x');", 'src/cli/x.ts')).toBe('');
  expect(complaints("const text = 'as any word in a string';")).toBe('');
  expect(untidyPath('src/std/utils.ts').join()).toContain('says nothing');
});
