import { expect, test } from 'bun:test';
import type { ContainerRecord, Life } from '../record.ts';
import { neverStarted } from '../record.ts';
import { type End, exitReason } from './reason.ts';

function reasonOf(exit: End['exit'], life: Partial<Life> = {}, isOutOfMemory = false, pidMode = ''): string {
  const record = { hostConfig: { PidMode: pidMode }, life: { ...neverStarted, ...life } } as ContainerRecord;
  const { Cause, By, Signal } = exitReason(record, { exit, isOutOfMemory });
  return [Cause, By, Signal ?? '-'].join(' ');
}

const killed = (signal: number): NonNullable<End['exit']> => ({ code: 128 + signal, signal, atNs: '1' });

test('who ended it: itself, a client, the kernel, the host, nobody knows', () => {
  expect(reasonOf({ code: 3, atNs: '1' })).toBe('exit process -');
  expect(reasonOf({ code: 0, atNs: '1' }, { ending: { signal: 15, by: 'stop' } })).toBe('exit client SIGTERM');
  expect(reasonOf(killed(9), { ending: { signal: 9, by: 'kill' } })).toBe('signal client SIGKILL');
  expect(reasonOf(killed(9), { ending: { signal: 9, by: 'health' } })).toBe('signal engine SIGKILL');
  expect(reasonOf(killed(9), {}, true)).toBe('oom kernel SIGKILL');
  expect(reasonOf(killed(11))).toBe('signal kernel SIGSEGV');
  expect(reasonOf(killed(6))).toBe('signal process SIGABRT');
  expect(reasonOf(killed(9))).toBe('signal host SIGKILL');
  expect(reasonOf(killed(9), {}, false, 'host')).toBe('signal process SIGKILL');
  expect(reasonOf(killed(37))).toBe('signal host SIGRTMIN+3');
  expect(reasonOf(undefined)).toBe('lost unknown -');
});

test('a child killed for want of memory is told of, but is not the cause', () => {
  const record = { hostConfig: { PidMode: '' }, life: neverStarted } as ContainerRecord;
  const reason = exitReason(record, { exit: { code: 5, atNs: '1' }, isOutOfMemory: true });
  expect(reason.Cause).toBe('exit');
  expect(reason.Message).toContain('one of its processes for want of memory');
});
