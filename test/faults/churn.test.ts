import { expect, test } from 'bun:test';
import { startEngine, type TestEngine } from '../harness/index.ts';
import { random } from './random.ts';

/** ESTIBA_CHURN=500 is the whole of it; the suite takes a part. */
const containers = Number(process.env.ESTIBA_CHURN ?? 60);
const workers = 6;

/** Makes a container in one of several ways and takes it away again. Any step may fail: the engine dies meanwhile. */
async function live(engine: TestEngine, index: number): Promise<void> {
  const name = `churn-${index}`;
  const port = `127.0.0.1:${23_000 + index}:80`;
  const quick = ['busybox', 'sh', '-c', `echo ${index}; exit ${index % 100}`];
  const ways: string[][][] = [
    [['run', '--rm', '--name', name, ...quick]],
    [
      ['run', '-d', '--name', name, '-p', port, '-v', '/data', 'busybox', 'sleep', '600'],
      ['rm', '-fv', name],
    ],
    [
      ['create', '--name', name, ...quick],
      ['start', name],
      ['stop', '-t', '0', name],
      ['rm', '-v', name],
    ],
    [
      ['run', '-d', '--name', name, 'busybox', 'sleep', '600'],
      ['exec', name, 'true'],
      ['kill', name],
      ['rm', '-f', name],
    ],
  ];
  for (const step of ways[index % ways.length] ?? []) await engine.docker(...step);
}

test(`${containers} containers made and removed, engine and keeper killed at random: nothing without owner`, async () => {
  const seed = Number(process.env.ESTIBA_SEED ?? Date.now() % 1_000_000) + 1;
  console.log(`ESTIBA_SEED=${seed - 1}`);
  const pick = random(seed);
  await using engine = await startEngine();
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < containers) await live(engine, next++);
  };
  const working = Promise.all(Array.from({ length: workers }, work));
  let done = false;
  const finished = working.then(() => {
    done = true;
  });
  while (!done) {
    await Bun.sleep(200 + pick(900));
    const target = pick(3);
    if (target !== 1) await engine.kill();
    if (target !== 0) await engine.killKeeper().catch(() => {});
    if (target !== 1) await engine.start();
  }
  await finished;

  // The records are all that is left to remove; whatever has none must be gone by itself.
  const left = (await engine.dockerOk('ps', '-aq')).split('\n').filter((id) => id !== '');
  if (left.length > 0) await engine.dockerOk('rm', '-fv', ...left);
  expect(await engine.settledLeftovers()).toEqual([]);
  expect(await engine.dockerOk('run', '--rm', '-p', '127.0.0.1:23000:80', 'busybox', 'echo', 'well')).toBe('well');
}, 900_000);
