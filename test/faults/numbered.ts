import { expect } from 'bun:test';
import type { TestEngine } from '../harness/index.ts';

/** A container that counts in its log, a hundred lines a second, and exits with a code of its own. */
export interface Numbered {
  readonly name: string;
  readonly lines: number;
  readonly code: number;
}

/** The arguments of `docker run` and `docker create` for it. */
export function numberedArguments({ name, lines, code }: Numbered): string[] {
  const script = `i=0; while [ $i -lt ${lines} ]; do echo line $i; i=$((i+1)); [ $((i%10)) = 0 ] && sleep 0.1; done; exit ${code}`;
  return ['--name', name, 'busybox', 'sh', '-c', script];
}

/** Proves that it ran to its end, that its exit code is the right one, and that no line is missing, doubled or displaced. */
export async function expectComplete(engine: TestEngine, { name, lines, code }: Numbered): Promise<void> {
  expect(`${name} ${await engine.dockerOk('wait', name)}`).toBe(`${name} ${code}`);
  expect(await engine.dockerOk('inspect', '-f', '{{.State.Status}} {{.State.ExitCode}}', name)).toBe(`exited ${code}`);
  await expectWholeLog(engine, { name, lines, code });
}

/** The log's part of the same proof. */
export async function expectWholeLog(engine: TestEngine, { name, lines }: Numbered): Promise<void> {
  const log = (await engine.docker('logs', name)).stdout.trimEnd().split('\n');
  expect(log).toEqual(Array.from({ length: lines }, (_, index) => `line ${index}`));
}
