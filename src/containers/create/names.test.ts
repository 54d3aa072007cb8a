import { expect, test } from 'bun:test';
import { checkedName, randomName } from './names.ts';

test('takes the names that Docker takes', () => {
  expect(checkedName('/web_1.a-b')).toBe('web_1.a-b');
  for (const name of ['-', 'a', '', 'a/b', 'a b', '_x', 'ü1']) {
    expect(() => checkedName(name)).toThrow('only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed');
  }
});

test('random names are valid, and found also when nearly all are taken', () => {
  for (let count = 0; count < 200; count += 1) checkedName(randomName(() => false));
  expect(randomName((name) => !/\d/.test(name))).toMatch(/^[a-z]+_[a-z]+\d+$/);
});
