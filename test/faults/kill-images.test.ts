import { expect, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dockerArchive, tar } from '../../src/images/fixture.ts';
import { startEngine, until } from '../harness/index.ts';
import { random } from './random.ts';
import { imageProblems } from './wholeness.ts';

const kills = 3;
const mebibyte = 1024 * 1024;

const layer = (name: string): Buffer =>
  tar(
    ...Array.from({ length: 40 }, (_, index) => ({
      path: `${name}/${index}`,
      content: `${name} ${index}`.repeat(400),
    })),
    { path: `${name}/large`, content: randomBytes(mebibyte) },
  );

test('kill -9 of the engine in the midst of load, import and rmi: all that is named is whole, nothing is left, the same heals', async () => {
  const seed = Number(process.env.ESTIBA_SEED ?? Date.now() % 1_000_000) + 1;
  console.log(`ESTIBA_SEED=${seed - 1}`);
  const pick = random(seed);
  await using engine = await startEngine();
  const archive = join(engine.root, 'archive.tar');
  const one = join(engine.root, 'layer.tar');
  const base = layer('base');
  writeFileSync(one, base);

  let problems: string[] = [];
  const settled = async (): Promise<string[]> => {
    await until('nothing to be left', async () => {
      problems = await imageProblems(engine.dataRoot);
      return problems.length === 0;
    }).catch(() => undefined);
    return problems;
  };
  const work = async (round: number): Promise<void> => {
    await Promise.all([
      engine.docker('load', '-q', '-i', archive),
      engine.docker('import', one, `imported:${round}`),
      engine.docker('rmi', `loaded:${round - 1}`, `imported:${round - 1}`),
    ]);
  };
  for (let round = 1; round <= kills; round += 1) {
    writeFileSync(archive, dockerArchive([base, layer('top')], [`loaded:${round}`]));
    const working = work(round);
    await Bun.sleep(20 + pick(350));
    await engine.kill();
    await working;
    await engine.start();
    expect({ round, problems: await settled() }).toEqual({ round, problems: [] });
    // What was cut off is done now, whatever of it was done before.
    await engine.dockerOk('load', '-q', '-i', archive);
    await engine.dockerOk('import', one, `imported:${round}`);
    expect({ round, problems: await settled() }).toEqual({ round, problems: [] });
  }
  await engine.dockerOk('rmi', `loaded:${kills}`, `imported:${kills}`);
  expect(await settled()).toEqual([]);
  expect(await engine.dockerOk('run', '--rm', 'busybox', 'echo', 'well')).toBe('well');
}, 120_000);
