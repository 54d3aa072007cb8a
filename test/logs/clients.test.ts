import { afterAll, beforeAll, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startEngine, type TestEngine, until } from '../harness/index.ts';
import { TakenOver, upgradeHeaders } from './connections.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

const shell = (script: string): string[] => ['busybox', 'sh', '-c', script];
const go = 'while [ ! -e /go ]; do sleep 0.05; done;';

async function attach(name: string): Promise<TakenOver> {
  return TakenOver.open(engine.socket, `POST /containers/${name}/attach?stream=1&stdout=1`, upgradeHeaders);
}

/** Mebibytes of memory that a process has of its own. */
function residentMebibytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

/** How much output a multiplexed stream holds. How it is cut into frames is nobody's business. */
function payloadBytes(bytes: Buffer): number {
  let payload = 0;
  for (let at = 0; at + 8 <= bytes.length; ) {
    const length = bytes.readUInt32BE(at + 4);
    payload += length;
    at += 8 + length;
  }
  return payload;
}

function sequenceBytes(lines: number): number {
  let total = 0;
  for (let line = 1; line <= lines; line++) total += String(line).length + 1;
  return total;
}

test('a client that does not read holds up neither its container nor another client, and gets all in the end', async () => {
  const lines = 1_000_000;
  const logging = ['--log-opt', 'max-size=1m', '--log-opt', 'max-file=1'];
  await engine.dockerOk('run', '-d', '--name', 'talker', ...logging, ...shell(`${go} seq ${lines}`));
  using idle = await attach('talker');
  idle.socket.pause();
  using busy = await attach('talker');
  // Killed where its container ends before it: its exit code says nothing.
  await engine.docker('exec', 'talker', 'touch', '/go');
  expect(await engine.dockerOk('wait', 'talker')).toBe('0');
  await busy.end();
  expect(payloadBytes(busy.bytes)).toBe(sequenceBytes(lines));
  idle.socket.resume();
  await idle.end();
  expect(payloadBytes(idle.bytes)).toBe(sequenceBytes(lines));
  await engine.dockerOk('rm', 'talker');
});

test('two hundred attached streams and fifty followers of one log, each with every line', async () => {
  const lines = 20_000;
  await engine.dockerOk('run', '-d', '--name', 'crowd', ...shell(`${go} seq ${lines}`));
  const streams = await Promise.all(Array.from({ length: 200 }, () => attach('crowd')));
  const followers = Array.from({ length: 50 }, async () => {
    const response = await engine.request('GET', '/containers/crowd/logs?follow=1&stdout=1');
    return Buffer.from(await response.arrayBuffer()).length;
  });
  await engine.docker('exec', 'crowd', 'touch', '/go');
  expect(await engine.dockerOk('wait', 'crowd')).toBe('0');
  const text = sequenceBytes(lines);
  expect(new Set(await Promise.all(followers))).toEqual(new Set([text + 8 * lines]));
  for (const stream of streams) {
    await stream.end();
    expect(payloadBytes(stream.bytes)).toBe(text);
    stream[Symbol.dispose]();
  }
  expect(residentMebibytes(engine.pid())).toBeLessThan(600);
  await engine.dockerOk('rm', 'crowd');
});

test('a client that is killed is noticed: nothing of it stays', async () => {
  await engine.dockerOk('run', '-d', '--name', 'quiet', 'busybox', 'sleep', '600');
  const ofKeeper = ` ${join(engine.execRoot, 'keeper.sock')}`;
  const connections = () =>
    readFileSync('/proc/net/unix', 'utf8')
      .split('\n')
      .filter((line) => line.endsWith(ofKeeper)).length;
  const before = connections();
  const clients = await Promise.all(Array.from({ length: 10 }, () => attach('quiet')));
  await until('ten more connections', () => connections() >= before + 10);
  for (const client of clients) client.socket.destroy();
  await until('none of them', () => connections() <= before);
  await engine.dockerOk('rm', '-f', 'quiet');
});
