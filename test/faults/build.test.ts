import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { estibaCommand, processesNaming, startEngine, type TestEngine, until } from '../harness/index.ts';

setDefaultTimeout(60_000);
let engine: TestEngine;
let context: string;
beforeAll(async () => {
  engine = await startEngine();
  context = mkdtempSync(join(tmpdir(), 'estiba-context-'));
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  rmSync(context, { recursive: true, force: true });
});

/** Writes a build whose last step does not end by itself; its processes are known by how long they sleep, which is returned. */
function writeEndless(): string {
  const sleep = `sleep ${1e8 + Math.floor(Math.random() * 1e8)}`;
  const script = `trap "" INT TERM; echo begun; setsid ${sleep} & ${sleep}`;
  writeFileSync(join(context, 'Dockerfile'), `FROM busybox\nRUN echo kept > /kept\nRUN ${script}\n`);
  return sleep;
}

function isRunning(sleep: string): boolean {
  return processesNaming(sleep).some(({ command }) => command === sleep);
}

/** What a step has while it runs. */
function traces(): string[] {
  const [steps, unfinished] = [join(engine.execRoot, 'build'), join(engine.dataRoot, 'snapshots/unfinished')];
  return [steps, unfinished].flatMap((place) => (existsSync(place) ? readdirSync(place) : []));
}

async function expectNothingLeft(command: string): Promise<void> {
  await until('the step to end', () => !isRunning(command));
  await until('nothing to be left', () => traces().length === 0);
  expect(await engine.settledLeftovers()).toEqual([]);
}

test('of an engine that is killed while it builds the next one ends the step, and builds', async () => {
  const command = writeEndless();
  const environment = { DOCKER_BUILDKIT: '0' };
  const build = engine.dockerWith({ environment }, 'build', context);
  await until('the step to run', () => isRunning(command));
  await engine.kill();
  expect((await build).code).not.toBe(0);
  await engine.start();
  await expectNothingLeft(command);
  writeFileSync(join(context, 'Dockerfile'), 'FROM busybox\nRUN echo kept > /kept\nRUN cat /kept > /copy\n');
  const { code } = await engine.dockerWith({ environment }, 'build', '-t', 'built', context);
  expect(code).toBe(0);
  expect(await engine.dockerOk('run', '--rm', 'built', 'cat', '/copy')).toBe('kept');
});

test('a build whose client goes is ended with all that it has started', async () => {
  const command = writeEndless();
  const child = Bun.spawn([...estibaCommand(), 'build', context], {
    stdio: ['ignore', 'ignore', 'ignore'],
    env: { ...process.env, DOCKER_HOST: engine.host },
  });
  await until('the step to run', () => isRunning(command));
  child.kill('SIGKILL');
  await child.exited;
  await expectNothingLeft(command);
});
