import { afterAll, beforeAll, expect, test } from 'bun:test';
import { startEngine, type TestEngine } from '../harness/index.ts';
import { formatLines } from './differential/formats.ts';
import { grammarLines } from './differential/grammar.ts';
import { type Cli, dockerVersion, openCli } from './differential/machine.ts';
import { optionLines } from './differential/options.ts';
import { registryLists, startRegistries } from './differential/registries.ts';
import { scenarios } from './differential/scenarios.ts';

/**
 * The same lines to the stock docker CLI and to ours, against one engine: output, errors and exit codes must be the same.
 * The stock one is compared with where it is of the version whose texts ours has; of another version none of its texts
 * can be expected, and each line's exit code, which stands before it, is what counts. `?` is before lines whose exit code
 * is the engine's to say.
 */
let engine: TestEngine;
let docker: Cli;
let estiba: Cli;
let sameVersion = false;
const atOnce = 4;

beforeAll(async () => {
  engine = await startEngine({ arguments: ['--max-download-attempts', '1'] });
  const { version, api } = await dockerVersion(engine.host);
  sameVersion = version.startsWith('28.2.');
  docker = openCli('docker', engine.host, api);
  estiba = openCli('estiba', engine.host, api);
  await engine.dockerOk(
    'run',
    '-d',
    '--name',
    'up',
    '--label',
    'role=front',
    '--label',
    'x=',
    'busybox',
    'sleep',
    '9999',
  );
  await engine
    .dockerOk('run', '--name', 'down', '-e', 'A=1', 'busybox', 'sh', '-c', 'echo out; echo err >&2; exit 3')
    .catch(() => undefined);
  await engine.dockerOk('volume', 'create', '--label', 'a=b', 'kept');
}, 60_000);

afterAll(async () => {
  docker.dispose();
  estiba.dispose();
  await engine[Symbol.asyncDispose]();
});

interface Difference {
  readonly line: string;
  readonly docker: unknown;
  readonly estiba: unknown;
}

function split(line: string): { code: string; command: string } {
  const [code = '', ...words] = line.split(' ');
  return { code, command: words.join(' ') };
}

/** What the two say differently of a line; undefined when it is the same. */
async function compare(line: string): Promise<Difference | undefined> {
  const { code, command } = split(line);
  if (!sameVersion) {
    const ours = await estiba.run(command);
    return code === '?' || Number(code) === ours.code ? undefined : { line, docker: code, estiba: ours };
  }
  const [theirs, ours] = await Promise.all([docker.run(command), estiba.run(command)]);
  return Bun.deepEquals(theirs, ours) ? undefined : { line, docker: theirs, estiba: ours };
}

/** Several at once; the lines of one list in their order. */
async function compareAll(lists: readonly (readonly string[])[]): Promise<Difference[]> {
  const differences: Difference[] = [];
  const queue = [...lists];
  const worker = async (): Promise<void> => {
    for (let list = queue.shift(); list; list = queue.shift()) {
      for (const line of list) {
        const difference = await compare(line);
        if (difference) differences.push(difference);
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return differences;
}

const alone = (lines: readonly string[]): string[][] => lines.map((line) => [line]);

test('wrong words are answered alike', async () => {
  expect(await compareAll(alone(grammarLines))).toEqual([]);
}, 300_000);

test('lists, inspections and templates are printed alike', async () => {
  expect(await compareAll(alone(formatLines))).toEqual([]);
}, 300_000);

test('options of run and create are refused alike', async () => {
  expect(await compareAll(alone(optionLines))).toEqual([]);
}, 300_000);

test('lives of containers, images, volumes and contexts go alike', async () => {
  expect(await compareAll(scenarios)).toEqual([]);
}, 300_000);

test('pulls, pushes, searches and logins go alike', async () => {
  await using registries = await startRegistries();
  expect(await compareAll(registryLists(registries))).toEqual([]);
}, 300_000);
