import { expect, test } from 'bun:test';
import type { HealthLogEntry, HealthState } from '#api';
import { nextHealth } from './monitor.ts';

const good: HealthLogEntry = { Start: '', End: '', ExitCode: 0, Output: '' };
const bad: HealthLogEntry = { ...good, ExitCode: 1 };
const fresh: HealthState = { Status: 'starting', FailingStreak: 0, Log: [] };

test('unhealthy after so many failures in a row, healthy after one success', () => {
  let state = fresh;
  for (const expected of ['starting', 'starting', 'unhealthy', 'unhealthy'] as const) {
    state = nextHealth(state, bad, 3, false);
    expect(state.Status).toBe(expected);
  }
  state = nextHealth(state, good, 3, false);
  expect([state.Status, state.FailingStreak]).toEqual(['healthy', 0]);
  expect(nextHealth(state, bad, 3, false).Status).toBe('healthy');
});

test('failures while starting do not count, and the log keeps five entries', () => {
  let state = fresh;
  for (let count = 0; count < 7; count += 1) state = nextHealth(state, bad, 1, true);
  expect([state.Status, state.FailingStreak, state.Log.length]).toEqual(['starting', 0, 5]);
});
