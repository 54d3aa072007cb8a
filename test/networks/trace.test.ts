import { afterAll, beforeAll, expect, test } from 'bun:test';
import type { NetworkTrace } from '#api';
import { startEngine, type TestEngine } from '../harness/index.ts';
import { freePrefix } from './subnets.ts';

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
  const prefix = freePrefix();
  await engine.dockerOk('network', 'create', '--subnet', `${prefix}.0/25`, 'one');
  await engine.dockerOk('network', 'create', '--subnet', `${prefix}.128/25`, 'two');
  const sleeper = ['busybox', 'sleep', '600'];
  await engine.dockerOk('run', '-d', '--name', 'ca', '--network', 'one', ...sleeper);
  await engine.dockerOk('run', '-d', '--name', 'cb', '--network', 'one', '-p', '127.0.0.1::80', ...sleeper);
  await engine.dockerOk('run', '-d', '--name', 'cc', '--network', 'two', '--network', 'one', ...sleeper);
  await engine.dockerOk('run', '-d', '--name', 'cd', '--network', 'two', ...sleeper);
  await engine.dockerOk('run', '-d', '--name', 'ce', '--network', 'host', ...sleeper);
});

afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

/** What a trace comes to: where it arrives, or which rule drops it. */
async function trace(source: string, target: string): Promise<string> {
  const query = new URLSearchParams({ source, target });
  const { Passes, ArrivesAt, Steps } = await engine.get<NetworkTrace>(`/estiba/networks/trace?${query}`);
  return Passes ? ArrivesAt : (Steps.at(-1)?.Rule ?? '');
}

async function addressOf(name: string, network: string): Promise<string> {
  return await engine.dockerOk('inspect', '-f', `{{.NetworkSettings.Networks.${network}.IPAddress}}`, name);
}

test('a packet is followed from name to name, through published ports, and in from outside', async () => {
  const [b, c, d] = [await addressOf('cb', 'one'), await addressOf('cc', 'one'), await addressOf('cd', 'two')];
  expect(await trace('ca', 'cb:80')).toBe(`${b}:80`);
  expect(await trace('ca', 'cc')).toBe(c);
  expect(await trace('ca', 'cd:80')).toBe('iifname @bridges drop');
  expect(await trace('cc', 'cd:53/udp')).toBe(`${d}:53`);
  const port = (await engine.dockerOk('port', 'cb', '80/tcp')).split(':').at(-1) ?? '';
  expect(await trace('host', `host:${port}`)).toBe(`${b}:80`);
  expect(await trace('ce', `127.0.0.1:${port}`)).toBe(`${b}:80`);
  expect(await trace('cd', `host:${port}`)).toBe('host');
  expect(await trace('outside:none0', `127.0.0.1:${port}`)).toBe('ip daddr 127.0.0.0/8 drop');
  expect(await trace('outside:none0', 'cb:80')).toBe('drop');
});

test('what cannot be followed is said', async () => {
  const ask = async (source: string, target: string): Promise<string> => {
    const query = new URLSearchParams({ source, target });
    const response = await engine.request('GET', `/estiba/networks/trace?${query}`);
    return `${response.status} ${((await response.json()) as { message: string }).message}`;
  };
  expect(await ask('ca', 'nobody:80')).toBe('404 No such container: nobody');
  expect(await ask('ca', 'cb:0')).toStartWith('400 invalid target "cb:0"');
  expect(await ask('10.0.0.1', 'cb:80')).toStartWith('400 the sender is a container');
});
