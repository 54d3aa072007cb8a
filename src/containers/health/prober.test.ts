import { expect, test } from 'bun:test';
import { probeProcesses } from './prober.ts';

const at = (parent: number, session = 1) => ({ parent, session });

test('what came of a probe is its session and its descendants, and nobody else', () => {
  const stats = new Map([
    [1, at(0)],
    [5, at(4, 5)],
    [6, at(5, 5)],
    [7, at(6, 7)],
    [8, at(7, 8)],
    // Its parent has ended: the first process has it now.
    [9, at(1, 5)],
    [10, at(9, 10)],
    [20, at(1, 20)],
    // A parent outside of the container.
    [21, at(3, 21)],
    // Numbers that were given anew between two looks.
    [30, at(31)],
    [31, at(30)],
  ]);
  expect(probeProcesses(stats, 5)).toEqual([5, 6, 7, 8, 9, 10]);
});

test('a line of very many generations is gone through once', () => {
  const count = 200_000;
  const stats = new Map(Array.from({ length: count }, (_, index) => [index + 10, at(index + 9)] as const));
  expect(probeProcesses(stats, 10)).toHaveLength(count);
  expect(probeProcesses(stats, 5)).toHaveLength(0);
});
