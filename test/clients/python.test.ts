import { afterAll, beforeAll, expect, test } from 'bun:test';
import { startEngine, type TestEngine } from '../harness/index.ts';
import { failures, programDeadlineMs, report } from './reports.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

test(
  'docker-py: every step of its program',
  async () => {
    // Debian's package is for Debian's Python; another may come first on PATH.
    const steps = await report(engine, ['/usr/bin/python3', '-B', 'docker_py.py']);
    expect(failures(steps)).toEqual([]);
    expect(steps.length).toBeGreaterThan(20);
  },
  programDeadlineMs,
);
