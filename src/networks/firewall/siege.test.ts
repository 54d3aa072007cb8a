import { beforeAll, expect, test } from 'bun:test';
import { runScenario } from '../testing/scenario.ts';

let results: Readonly<Record<string, unknown>>;

beforeAll(async () => {
  results = await runScenario<Record<string, unknown>>('siege.ts');
}, 120_000);

test.each([
  'at first',
  'after a flush of everything',
  'after one table is deleted',
  'after single changes',
  'without the rule of the administrator',
  'with a filter that drops',
  'after that filter was loaded anew',
])('%s, published ports are reached, and nothing else', (step) => {
  expect(results[step]).toEqual(['web 198.51.100.2', 'web 2001:db8:100::2', 'nobody']);
});

test("the administrator's rules come first, and survive a rebuild and the next engine", () => {
  expect(results.administrator).toEqual(['nobody', 'nobody', 'nobody']);
});

test('what the administrator marks passes in spite of the rules', () => {
  expect(results.marked).toBe('web 198.51.100.2');
});

test('its own changes do not have the engine write the tables anew', () => {
  expect(results.isSameTable).toBe(true);
});

test('at the end only what the administrator wrote is left', () => {
  expect(results.left).toEqual(['table inet estiba-user']);
  expect(results.leftOfPriority).toEqual(['table inet estiba-user']);
  expect(results.leftUntouched).toEqual([]);
});
