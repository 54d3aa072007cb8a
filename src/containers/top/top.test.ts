import { expect, test } from 'bun:test';
import type { ProcessFacts } from '#linux/process-facts';
import { columnsFor, type Moment } from './columns.ts';
import { parsePsOutput } from './top.ts';

const shell: ProcessFacts = {
  pid: 100,
  parent: 1,
  group: 100,
  session: 100,
  terminal: 136 * 256 + 3,
  foregroundGroup: 100,
  name: 'sh',
  state: 'S',
  uid: 0,
  nice: 0,
  threads: 1,
  cpuSeconds: 90_061,
  startSeconds: 1000,
  virtualBytes: 2048 * 1024,
  residentBytes: 1024 * 1024,
  hasLockedMemory: false,
  commandLine: ['sh', '-c', 'a\nb'],
};
const moment: Moment = {
  uptimeSeconds: 201_000,
  now: new Date(2026, 5, 15, 12, 30),
  userName: (uid) => (uid === 0 ? 'root' : undefined),
};

function shown(psArguments: string, process: ProcessFacts = shell): Record<string, string> {
  const columns = columnsFor(psArguments) ?? [];
  return Object.fromEntries(columns.map(([title, value]) => [title, value(process, moment)]));
}

test('the full format', () => {
  expect(shown('-ef')).toEqual({
    UID: 'root',
    PID: '100',
    PPID: '1',
    C: '45',
    STIME: 'Jun13',
    TTY: 'pts/3',
    TIME: '1-01:01:01',
    CMD: 'sh -c a?b',
  });
});

test('the format of aux', () => {
  expect(shown('aux')).toMatchObject({ VSZ: '2048', RSS: '1024', STAT: 'Ss+', TIME: '1501:01', '%CPU': '45.0' });
});

test('columns by name', () => {
  expect(shown('-eo pid,etime,etimes,comm')).toEqual({ PID: '100', ELAPSED: '200000', COMMAND: 'sh' });
  expect(shown('-o user,uid', { ...shell, uid: 65534 })).toEqual({ USER: '65534', UID: '65534' });
  expect(shown('-o stat', { ...shell, nice: -5, threads: 4, foregroundGroup: 7, session: 7 })).toEqual({ STAT: 'S<l' });
  expect(shown('-o args', { ...shell, commandLine: [] })).toEqual({ COMMAND: '[sh]' });
  expect(shown('-o args', { ...shell, state: 'Z', commandLine: [] })).toEqual({ COMMAND: '[sh] <defunct>' });
});

test('what only ps knows is left to it', () => {
  for (const words of ['-ely', 'axf', '-o pid,wchan', '-o pid=P', '-o constructor', '-o pid comm', '']) {
    expect(columnsFor(words)).toBeUndefined();
  }
});

test('the output of ps: rows of these processes, threads with theirs, and the last column as one', () => {
  const output = '  PID TTY  CMD\n    7 ?    sh  -c x\n    - -    -\n    8 ?    other\n    - -    -\n';
  expect(parsePsOutput(output, new Set([7]))).toEqual({
    Titles: ['PID', 'TTY', 'CMD'],
    Processes: [
      ['7', '?', 'sh -c x'],
      ['-', '-', '-'],
    ],
  });
  expect(() => parsePsOutput('COMMAND\nsh\n', new Set([7]))).toThrow("Couldn't find PID field in ps output");
  expect(() => parsePsOutput('PID\nsh\n', new Set([7]))).toThrow("Unexpected pid 'sh'");
});
