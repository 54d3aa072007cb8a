import { afterAll, beforeAll, expect, test } from 'bun:test';
import { startEngine, type TestEngine } from '../harness/index.ts';
import { importRedis } from './redis.ts';
import { failures, programDeadlineMs, report } from './reports.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

test(
  'dockerode: every step of its program',
  async () => {
    const steps = await report(engine, ['node', 'dockerode.mjs']);
    expect(failures(steps)).toEqual([]);
    expect(steps.length).toBeGreaterThan(20);
  },
  programDeadlineMs,
);

test(
  'testcontainers and its module for Redis: every step of their program',
  async () => {
    await importRedis(engine);
    const steps = await report(engine, ['node', 'testcontainers.mjs'], { TESTCONTAINERS_RYUK_DISABLED: 'true' });
    expect(failures(steps)).toEqual([]);
    expect(steps.length).toBeGreaterThan(10);
  },
  programDeadlineMs,
);
