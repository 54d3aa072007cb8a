import { expect, test } from 'bun:test';
import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import { makeCapture, readDescriptor } from './fifo.ts';
import { type Label, Script } from './script.ts';
import { lastResultAddress, longestScriptBytes } from './script-program.ts';
import { canRunScripts, type ScriptReport, ScriptRunner } from './script-runner.ts';

const reportPipe = 1;

/** Reports the result of the last call. */
function report(script: Script, kind: number, job: number): void {
  const head = script.data(new Uint8Array(Uint32Array.of(kind, job).buffer));
  script.call('writev', [reportPipe, script.words([head, 8n, BigInt(lastResultAddress), 8n]), 2]);
}

/** Runs scripts and returns the first so many reports. */
async function reportsOf(
  scripts: readonly Script[],
  descriptors: readonly number[],
  count: number,
): Promise<ScriptReport[]> {
  const { promise, resolve } = Promise.withResolvers<ScriptReport[]>();
  const heard: ScriptReport[] = [];
  using runner = new ScriptRunner(
    ['estiba-test'],
    (one) => {
      heard.push(one);
      if (heard.length === count) resolve(heard);
    },
    () => resolve(heard),
  );
  for (const script of scripts) expect(runner.run(script.encode() ?? new Uint8Array(), descriptors)).toBe(true);
  return await promise;
}

test.if(canRunScripts)('calls are made in order, with data, descriptors that come along, and branches', async () => {
  const { readEnd, writeEnd } = makeCapture();
  const script = new Script();
  const missing: Label = {};
  const never: Label = {};
  const path = script.text('/no/such/file');
  script.call('openat', [-100, path, 0, 0], { onError: never, onMissing: missing });
  script.mark(never);
  report(script, 1, 7);
  script.mark(missing);
  report(script, 2, 7);
  script.call('write', [3, script.text('hello'), 5]);
  script.call('exit_group', [0]);
  const [only] = await reportsOf([script], [writeEnd], 1);
  expect(only).toEqual({ kind: 2, job: 7, value: BigInt(-constants.errno.ENOENT) });
  closeSync(writeEnd);
  const target = new Uint8Array(16);
  let length = readDescriptor(readEnd, target, target.length);
  for (let looks = 0; length === undefined && looks < 2000; looks++) {
    await Bun.sleep(5);
    length = readDescriptor(readEnd, target, target.length);
  }
  expect(Buffer.from(target.subarray(0, length)).toString()).toBe('hello');
  closeSync(readEnd);
});

test.if(canRunScripts)('many at once: each in a process of its own, each told apart', async () => {
  const scripts = Array.from({ length: 50 }, (_, job) => {
    const script = new Script();
    script.call('setsid', []);
    report(script, 1, job);
    script.call('exit_group', [0]);
    return script;
  });
  const heard = await reportsOf(scripts, [], scripts.length);
  expect(new Set(heard.map(({ job }) => job)).size).toBe(50);
  expect(new Set(heard.map(({ value }) => value)).size).toBe(50);
});

test('a script that is too long is none', () => {
  const script = new Script();
  script.data(new Uint8Array(longestScriptBytes));
  script.call('exit_group', [0]);
  expect(script.encode()).toBeUndefined();
});
