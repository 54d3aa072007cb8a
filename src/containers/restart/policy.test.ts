import { expect, test } from 'bun:test';
import type { RestartPolicy } from '#api';
import { type ContainerRecord, type Life, neverStarted } from '../record.ts';
import { nextDelayMs, restartsAfterExit, restartsWithEngine } from './policy.ts';

function record(Name: RestartPolicy['Name'], life: Partial<Life>, MaximumRetryCount = 0): ContainerRecord {
  const ended: Life = { ...neverStarted, phase: 'exited', startedAtNs: '1', finishedAtNs: '2', ...life };
  return { hostConfig: { RestartPolicy: { Name, MaximumRetryCount } }, life: ended } as ContainerRecord;
}

test('after an exit', () => {
  expect(restartsAfterExit(record('no', { exitCode: 1 }))).toBe(false);
  expect(restartsAfterExit(record('always', { exitCode: 0 }))).toBe(true);
  expect(restartsAfterExit(record('always', { stoppedByHand: true }))).toBe(false);
  expect(restartsAfterExit(record('on-failure', { exitCode: 0 }))).toBe(false);
  expect(restartsAfterExit(record('on-failure', { exitCode: 3, restartCount: 2 }, 3))).toBe(true);
  expect(restartsAfterExit(record('on-failure', { exitCode: 3, restartCount: 3 }, 3))).toBe(false);
});

test('with the engine: always in any case, unless-stopped unless stopped, never what never ran', () => {
  expect(restartsWithEngine(record('always', { stoppedByHand: true }))).toBe(true);
  expect(restartsWithEngine(record('unless-stopped', { stoppedByHand: true }))).toBe(false);
  expect(restartsWithEngine(record('unless-stopped', {}))).toBe(true);
  expect(restartsWithEngine(record('always', { phase: 'created', startedAtNs: '' }))).toBe(false);
  expect(restartsWithEngine(record('no', { phase: 'restarting' }))).toBe(true);
});

test('the back-off doubles to a minute, and begins anew after ten good seconds', () => {
  const short = record('always', {});
  let delayMs = nextDelayMs(undefined, short);
  const delays = [delayMs];
  for (let count = 0; count < 10; count += 1) {
    delayMs = nextDelayMs(delayMs, short);
    delays.push(delayMs);
  }
  expect(delays).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200, 60000]);
  expect(nextDelayMs(delayMs, record('always', { startedAtNs: '0', finishedAtNs: '10000000001' }))).toBe(60000);
  expect(nextDelayMs(delayMs, record('always', { startedAtNs: '0', finishedAtNs: '10001000000' }))).toBe(100);
});
