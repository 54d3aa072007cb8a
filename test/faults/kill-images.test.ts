import { expect, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dockerArchive, tar } from '../../src/images/fixture.ts';
import { startEngine, startOwnRegistry } from '../harness/index.ts';
import { random } from './random.ts';
import { settledProblems } from './wholeness.ts';

const kills = 2;
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

  const settled = (): Promise<string[]> => settledProblems(engine.dataRoot);
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

test('kill -9 of the engine in the midst of push, pull and image gc: what is named is whole, and the next push and pull heal', async () => {
  const seed = Number(process.env.ESTIBA_SEED ?? Date.now() % 1_000_000) + 1;
  console.log(`ESTIBA_SEED=${seed - 1}`);
  const pick = random(seed);
  await using registry = await startOwnRegistry();
  const host = new URL(registry.url).host;
  const settings = mkdtempSync(join(tmpdir(), 'estiba-kill-'));
  const file = join(settings, 'daemon.json');
  const policy = { high: '1b', low: '1b', 'keep-last': 1, 'min-age': '0s', pinned: ['busybox'] };
  writeFileSync(file, JSON.stringify({ 'image-gc': policy }));
  await using engine = await startEngine({ arguments: ['--config-file', file, '--max-download-attempts', '1'] });
  const archive = join(engine.root, 'archive.tar');
  const settled = (): Promise<string[]> => settledProblems(engine.dataRoot);
  const name = (round: number): string => `${host}/killed:${round}`;
  for (let round = 1; round <= kills; round += 1) {
    writeFileSync(archive, dockerArchive([layer(`base-${round}`), layer('top')], [name(round)]));
    await engine.dockerOk('load', '-q', '-i', archive);
    const collect = engine.request('POST', '/estiba/images/gc').catch(() => undefined);
    const working = Promise.all([
      engine.docker('push', name(round)),
      engine.docker('pull', name(round - 1)),
      collect.then(() => engine.request('POST', '/estiba/images/gc')).catch(() => undefined),
    ]);
    await Bun.sleep(5 + pick(250));
    await engine.kill();
    await working;
    await engine.start();
    expect({ round, problems: await settled() }).toEqual({ round, problems: [] });
    // The newest of a repository is not for the taking; whether it was sent or not, it is now.
    if (!(await engine.dockerOk('images', '-q', name(round)))) await engine.dockerOk('load', '-q', '-i', archive);
    await engine.dockerOk('push', name(round));
    await engine.dockerOk('rmi', name(round));
    await engine.dockerOk('pull', name(round));
    expect({ round, problems: await settled() }).toEqual({ round, problems: [] });
  }
  expect((await engine.request('POST', '/estiba/images/gc')).status).toBe(200);
  expect(await settled()).toEqual([]);
  expect(await engine.dockerOk('run', '--rm', 'busybox', 'echo', 'well')).toBe('well');
  rmSync(settings, { recursive: true });
}, 120_000);
