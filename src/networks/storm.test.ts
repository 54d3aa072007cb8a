import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { RouteSocket } from '#linux/rtnetlink';
import { eventually, Lab } from './testing/lab.ts';

let lab: Lab;

beforeEach(() => {
  lab = new Lab();
});

afterEach(async () => {
  await lab[Symbol.asyncDispose]();
});

/** An engine that finds what the one before it has left, says what is wrong with it, and is killed in the middle of its work. */
async function round(directory: string, steps: number): Promise<{ complaints: string[]; living: number }> {
  const child = lab.spawn([process.execPath, join(import.meta.dir, 'testing/storm.ts'), directory]);
  let text = '';
  for await (const chunk of child.stdout) {
    text += Buffer.from(chunk).toString();
    if (text.split('\n').length > steps) break;
  }
  child.kill('SIGKILL');
  await child.exited;
  return JSON.parse(text.split('\n')[0] ?? '') as { complaints: string[]; living: number };
}

test('kills in the middle of starts, connects and disconnects leave nothing, and no address is given twice', async () => {
  const directory = join(lab.root, 'engine');
  mkdirSync(directory);
  const rounds = [];
  // Where a kill hits is left to chance: what must hold, holds wherever it does.
  for (const steps of [7, 31, 17]) rounds.push(await round(directory, steps));
  expect(rounds.flatMap(({ complaints }) => complaints)).toEqual([]);
  expect(rounds.map(({ living }) => living > 0)).toEqual([false, true, true]);
  const networks = await lab.open('engine', { addressPools: [{ base: '10.214.0.0/16', size: 24 }] });
  await networks.reconcile(new Set());
  expect(readdirSync(join(directory, 'exec/netns'))).toEqual([]);
  using route = new RouteSocket();
  const bridge = route.link(`br-${networks.inspect('storm-a').Id.slice(0, 12)}`);
  const tag = bridge.alias.replace('estiba ', '');
  await eventually('no device is left', () => !route.links().some(({ name }) => name.startsWith(`est${tag}`)));
  for (const name of ['storm-a', 'storm-b', 'storm-c']) await networks.remove(name);
}, 60_000);
