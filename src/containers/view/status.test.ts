import { expect, test } from 'bun:test';
import { nowNs } from '#std/time';
import { type ContainerRecord, type Life, neverStarted } from '../record.ts';
import { stateOf, statusText } from './status.ts';

function record(life: Partial<Life>): ContainerRecord {
  return { life: { ...neverStarted, ...life } } as ContainerRecord;
}

test('the status column', () => {
  const agoNs = String(nowNs() - 5_500_000_000n);
  expect(statusText(record({}))).toBe('Created');
  expect(statusText(record({ phase: 'running', startedAtNs: agoNs }))).toBe('Up 5 seconds');
  expect(statusText(record({ phase: 'paused', startedAtNs: agoNs }))).toBe('Up 5 seconds (Paused)');
  expect(statusText(record({ phase: 'exited', finishedAtNs: agoNs, exitCode: 3 }))).toBe('Exited (3) 5 seconds ago');
  expect(statusText(record({ phase: 'restarting', finishedAtNs: agoNs, exitCode: 1 }))).toBe(
    'Restarting (1) 5 seconds ago',
  );
  const health = { Status: 'starting', FailingStreak: 0, Log: [] } as const;
  expect(statusText(record({ phase: 'running', startedAtNs: agoNs, health: { ...health, Log: [] } }))).toBe(
    'Up 5 seconds (health: starting)',
  );
});

test('a container that waits for its restart counts as running', () => {
  const state = stateOf(record({ phase: 'restarting', pid: 7 }));
  expect([state.Running, state.Restarting, state.Pid]).toEqual([true, true, 0]);
});
